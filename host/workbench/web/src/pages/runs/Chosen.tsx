import { useState } from 'react'

import { useChange } from '../../api/change.ts'
import { api, path } from '../../api/client.ts'
import type { BulkReplayed } from '../../api/types.ts'
import { Button, Confirm, Dialog, Field, toast } from '../../ui/index.ts'
import details from '../details.module.css'
import { VersionSelect } from './VersionSelect.tsx'
import { isRunning, parametersOf, type RunRow } from './run-source.ts'
import styles from './runs.module.css'
import type { RunsSearch } from './search.ts'

/** So many runs are replayed by one request. */
const MOST = 1_000

interface Props {
  rows: RunRow[]
  filter: RunsSearch
  onDone: () => void
}

/** What can be done with the rows that are chosen. */
export function Chosen({ rows, filter, onDone }: Props) {
  const [asking, setAsking] = useState<'replay' | 'cancel' | null>(null)
  const running = rows.filter(isRunning)
  const ended = rows.filter((row) => !isRunning(row))
  return (
    <>
      <div aria-label="What to do with the chosen runs" className={styles.chosen} role="toolbar">
        <span>{rows.length.toLocaleString('en')} chosen</span>
        {ended.length > 0 && (
          <Button icon="replay" onClick={() => setAsking('replay')} size="small" variant="primary">
            Replay {ended.length.toLocaleString('en')}
          </Button>
        )}
        {running.length > 0 && (
          <Button icon="ban" onClick={() => setAsking('cancel')} size="small" variant="danger">
            Cancel {running.length} running
          </Button>
        )}
        <Button onClick={onDone} size="small" variant="ghost">
          Choose none
        </Button>
      </div>
      {asking === 'replay' && <ReplayDialog filter={filter} ids={ended.map(({ id }) => id)} onClose={() => setAsking(null)} onDone={onDone} />}
      {asking === 'cancel' && <CancelDialog ids={running.map(({ id }) => id)} onClose={() => setAsking(null)} onDone={onDone} />}
    </>
  )
}

interface DialogProps {
  ids: string[]
  onClose: () => void
  onDone: () => void
}

function ReplayDialog({ ids, filter, onClose, onDone }: DialogProps & { filter: RunsSearch }) {
  const [version, setVersion] = useState('')
  const [scope, setScope] = useState<'chosen' | 'all'>('chosen')
  const { change, busy } = useChange('runs')
  const all = bulkFilter(filter)
  const isTooMany = scope === 'chosen' && ids.length > MOST
  const replay = async () => {
    if (isTooMany) return
    const which = scope === 'all' && all ? all : { ids }
    const done = await change(
      () => api.post<BulkReplayed>('runs/replay', { ...which, version: version || undefined }),
      ({ replayed, failures }) => `${replayed.toLocaleString('en')} replayed${failures.length > 0 ? `, ${failures.length} not: ${failures[0]?.message}` : ''}`,
    )
    if (!done) return
    onClose()
    onDone()
  }
  const actions = (
    <>
      <Button onClick={onClose} variant="ghost">
        Cancel
      </Button>
      <Button busy={busy} disabled={isTooMany} onClick={() => void replay()} variant="primary">
        {scope === 'all' ? 'Replay all that match' : `Replay ${ids.length.toLocaleString('en')}`}
      </Button>
    </>
  )
  return (
    <Dialog actions={actions} onClose={onClose} open title="Replay runs">
      <div className={details.form}>
        <p>Each is run once more with its input, one after the other, in a trace of its own. What they write and emit happens again.</p>
        {all && (
          <fieldset className={styles.scope}>
            <legend className="visually-hidden">Which runs</legend>
            <label>
              <input checked={scope === 'chosen'} name="scope" onChange={() => setScope('chosen')} type="radio" /> The {ids.length.toLocaleString('en')} chosen
            </label>
            <label>
              <input checked={scope === 'all'} name="scope" onChange={() => setScope('all')} type="radio" /> All that match the filters, {MOST.toLocaleString('en')} at most
            </label>
          </fieldset>
        )}
        {isTooMany && <p role="alert">At most {MOST.toLocaleString('en')} runs can be replayed at a time; choose fewer.</p>}
        <Field label="Version">{(id) => <VersionSelect {...id} onChange={setVersion} value={version} />}</Field>
      </div>
    </Dialog>
  )
}

/** The filters as a bulk replay takes them; null if there are none, or some that it does not have. */
function bulkFilter(filter: RunsSearch): Record<string, unknown> | null {
  const { flow, traceId, search, roots, minMs, status, ...rest } = filter
  if (flow ?? traceId ?? search ?? roots ?? minMs) return null
  if (status === 'running') return null
  const given = Object.entries(parametersOf({ ...rest, status }, Date.now())).filter(([, value]) => value !== undefined)
  return given.length > 0 ? Object.fromEntries(given) : null
}

function CancelDialog({ ids, onClose, onDone }: DialogProps) {
  const cancel = async () => {
    const answers = await Promise.allSettled(ids.map((id) => api.delete(`runs/${path(id)}`)))
    const cancelled = answers.filter(({ status }) => status === 'fulfilled').length
    toast(cancelled === ids.length ? `${cancelled} cancelled` : `${cancelled} cancelled, ${ids.length - cancelled} had ended`, cancelled > 0 ? 'success' : 'info')
    onDone()
  }
  return (
    <Confirm action={`Cancel ${ids.length}`} danger onClose={onClose} onConfirm={cancel} open title={ids.length === 1 ? 'Cancel the run?' : `Cancel ${ids.length} runs?`}>
      <p>They end at once, and their deliveries are not tried again. What they have written stays, except in atomic steps.</p>
    </Confirm>
  )
}
