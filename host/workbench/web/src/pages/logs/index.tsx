import { getRouteApi, Link } from '@tanstack/react-router'
import { useCallback, useState } from 'react'

import { useLive } from '../../api/live.ts'
import { useLiveList } from '../../live-list.ts'
import { Button, CopyButton, EmptyState, ErrorState, Page, toast, toastError } from '../../ui/index.ts'
import details from '../details.module.css'
import { LiveSwitch } from '../LiveSwitch.tsx'
import { NewRows } from '../NewRows.tsx'
import { download } from '../query/export.ts'
import styles from '../runs/runs.module.css'
import { useHeld } from '../use-held.ts'
import { Filters } from './Filters.tsx'
import { allLogs, logSource, matches, toLine, toNdjson } from './log-source.ts'
import { LogList } from './LogList.tsx'
import type { LogsSearch } from './search.ts'

const route = getRouteApi('/logs')

/** A file that is larger is better made by `GET logs`. */
const MOST_EXPORTED = 100_000

export default function LogsPage() {
  const filter = route.useSearch()
  const navigate = route.useNavigate()
  const [paused, setPaused] = useState(false)
  const key = JSON.stringify(filter)
  const [{ rows, waiting, missed, loading, error }, list] = useLiveList(key, logSource(filter))
  const { scrollerRef, show } = useHeld(list, paused)

  useLive(['logs'], (event) => {
    if (event.topic === 'gap') list.gap()
    if (event.topic !== 'logs') return
    if (event.data.skipped > 0) list.miss()
    const now = Date.now()
    list.add(event.data.items.filter((log) => matches(log, filter, now)))
  })

  const change = (search: LogsSearch) => void navigate({ search, replace: true })
  const more = useCallback(() => list.more(), [list])
  const actions = (
    <>
      <LiveSwitch onChange={setPaused} paused={paused} />
      <CopyButton label="Copy" text={() => rows.map(toLine).reverse().join('\n')} words />
      <Export filter={filter} />
    </>
  )
  return (
    <Page actions={actions} fill filters={<Filters filter={filter} onChange={change} />} title="Logs">
      <div aria-busy={loading === 'first'} className={styles.list}>
        {error !== null && rows.length === 0 ? (
          <div className={details.center}>
            <ErrorState error={error} retry={() => list.retry()} />
          </div>
        ) : (
          <LogList
            empty={<Nothing filter={filter} onClear={() => change({})} />}
            key={key}
            label="Log records, newest first"
            loading={loading === 'first'}
            logs={rows}
            onEndReached={more}
            onFollow={(only) => change({ ...filter, ...only })}
            scrollerRef={scrollerRef}
          />
        )}
        <NewRows count={waiting} missed={missed} onShow={show} what="records" />
        {error !== null && rows.length > 0 && (
          <p className={styles.failed} role="alert">
            Older records could not be loaded: {error instanceof Error ? error.message : String(error)}{' '}
            <Button onClick={() => list.retry()} size="small">
              Try again
            </Button>
          </p>
        )}
      </div>
    </Page>
  )
}

/** Saves all records that match, not only those that are loaded. */
function Export({ filter }: { filter: LogsSearch }) {
  const [busy, setBusy] = useState(false)
  const save = async () => {
    setBusy(true)
    try {
      const logs = await allLogs(filter, MOST_EXPORTED)
      download('logs.ndjson', 'application/x-ndjson', toNdjson(logs))
      toast(`${logs.length.toLocaleString('en')} records${logs.length === MOST_EXPORTED ? ', the newest ones' : ''}`, 'success')
    } catch (error) {
      toastError(error)
    } finally {
      setBusy(false)
    }
  }
  return (
    <Button busy={busy} icon="download" onClick={() => void save()} title="All that match, one JSON object a line">
      Export
    </Button>
  )
}

function Nothing({ filter, onClear }: { filter: LogsSearch; onClear: () => void }) {
  if (Object.values(filter).every((value) => value === undefined)) {
    return (
      <EmptyState
        action={<Link to="/endpoints">Try an endpoint</Link>}
        hint={
          <>
            What steps log with <code>logger.info(…)</code> and its like appears here by itself.
          </>
        }
        icon="logs"
        title="No step has logged anything yet"
      />
    )
  }
  return <EmptyState action={<Button onClick={onClear}>Clear the filters</Button>} hint="New records that do appear here by themselves." icon="logs" title="No record matches" />
}
