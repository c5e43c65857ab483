import { useNavigate } from '@tanstack/react-router'
import { useState } from 'react'

import { useChange } from '../../api/change.ts'
import { api, path } from '../../api/client.ts'
import type { Json, Replayed, RunDetail } from '../../api/types.ts'
import { Button, CodeEditor, Dialog, Field } from '../../ui/index.ts'
import details from '../details.module.css'
import { VersionSelect } from '../runs/VersionSelect.tsx'

interface Props {
  run: RunDetail
  onClose: () => void
}

/** Runs a run again, with its input or another one, on a version that can be chosen. */
export function ReplayDialog({ run, onClose }: Props) {
  const before = run.input === null ? '' : JSON.stringify(run.input, null, 2)
  const [text, setText] = useState(before)
  const [version, setVersion] = useState('')
  const { change, busy } = useChange('runs')
  const navigate = useNavigate()
  const edited = text === before ? { input: undefined, wrong: before === '' ? 'Expected an input: the one of this run was too large to keep.' : null } : parsed(text)

  const replay = async () => {
    if (edited.wrong || busy) return
    let made: Replayed | undefined
    const done = await change(
      async () => (made = await api.post<Replayed>(`runs/${path(run.id)}/replay`, { version: version || undefined, input: edited.input })),
      ({ error, status }) => (error !== null ? `It has run and failed: ${error}` : status === null ? 'It has run and succeeded.' : `It has run and answered ${status}.`),
    )
    if (!done || !made) return
    onClose()
    void navigate({ to: '/runs/$run', params: { run: made.run } })
  }
  const actions = (
    <>
      <Button onClick={onClose} variant="ghost">
        Cancel
      </Button>
      <Button busy={busy} disabled={edited.wrong !== null} onClick={() => void replay()} variant="primary">
        {edited.input === undefined ? 'Replay' : 'Replay with this input'}
      </Button>
    </>
  )
  return (
    <Dialog actions={actions} onClose={onClose} open title={`Replay ${run.step}`} wide>
      <div className={details.form}>
        <p>It runs once more in a trace of its own, and is not tried again if it fails. What it writes and emits happens again.</p>
        <Field label="Version">{(ids) => <VersionSelect {...ids} ofRun={run.deployment} onChange={setVersion} value={version} />}</Field>
        <div>
          <CodeEditor label="Input" language="json" minHeight={220} onChange={setText} onSubmit={() => void replay()} value={text} />
          {edited.wrong && (
            <p className={details.note} role="alert">
              {edited.wrong}
            </p>
          )}
        </div>
      </div>
    </Dialog>
  )
}

function parsed(text: string): { input: Json | undefined; wrong: string | null } {
  try {
    return { input: JSON.parse(text) as Json, wrong: null }
  } catch (error) {
    return { input: undefined, wrong: `The input is no JSON: ${error instanceof Error ? error.message : String(error)}` }
  }
}
