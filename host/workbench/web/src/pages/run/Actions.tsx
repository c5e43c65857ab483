import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'

import { useChange, useMayChange } from '../../api/change.ts'
import { api, path } from '../../api/client.ts'
import { queries } from '../../api/queries.ts'
import type { RunDetail, RunningInfo } from '../../api/types.ts'
import { Button, Confirm, useHotkey } from '../../ui/index.ts'
import { ReplayDialog } from './ReplayDialog.tsx'
import styles from './run.module.css'

/** What can be done with a run, and where its step is. */
export function Actions({ run }: { run: RunDetail | RunningInfo }) {
  const mayChange = useMayChange()
  const flow = useQuery(queries.steps()).data?.find(({ name }) => name === run.step)?.flows[0]
  return (
    <>
      <Link className={styles.link} search={{ flow, step: run.step }} to="/flows">
        Step
      </Link>
      <Link className={styles.link} params={{ trace: run.traceId }} search={{ run: run.id }} to="/traces/$trace">
        Trace
      </Link>
      {mayChange && ('endedAt' in run ? <Replay run={run} /> : <Cancel run={run} />)}
    </>
  )
}

function Replay({ run }: { run: RunDetail }) {
  const [asking, setAsking] = useState(false)
  useHotkey('shift+r', () => setAsking(true), 'Replay the run')
  return (
    <>
      <Button icon="replay" onClick={() => setAsking(true)} variant="primary">
        Replay
      </Button>
      {asking && <ReplayDialog onClose={() => setAsking(false)} run={run} />}
    </>
  )
}

function Cancel({ run }: { run: RunningInfo }) {
  const [asking, setAsking] = useState(false)
  const { change } = useChange('runs', 'traces', 'deliveries')
  const cancel = () => change(() => api.delete(`runs/${path(run.id)}`), 'The run is cancelled.')
  return (
    <>
      <Button icon="ban" onClick={() => setAsking(true)} variant="danger">
        Cancel
      </Button>
      <Confirm action="Cancel the run" danger onClose={() => setAsking(false)} onConfirm={cancel} open={asking} title="Cancel the run?">
        <p>It ends at once{run.deliveries.length > 0 ? ', and what it attempts is not tried again' : ''}. What it has written stays, except in an atomic step.</p>
      </Confirm>
    </>
  )
}
