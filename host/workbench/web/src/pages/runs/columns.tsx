import { Link } from '@tanstack/react-router'

import { Badge, type Column, Duration, formatDuration, Icon, kindColor, kindIcon, StatusBadge, Time, useNow } from '../../ui/index.ts'
import { isRunning, type RunRow } from './run-source.ts'
import styles from './runs.module.css'

/** What the time between `queuedAt` and `startedAt` is. */
export const WAITED = 'Since the request came or the event was emitted; with its delay and the attempts before'

export const columns: Column<RunRow>[] = [
  { id: 'status', header: 'Status', width: 'minmax(86px, 104px)', cell: (run) => <StatusBadge status={isRunning(run) ? 'running' : run.status} /> },
  { id: 'step', header: 'Step', width: 'minmax(110px, 1.8fr)', cell: (run) => <Step run={run} /> },
  { id: 'error', header: 'Outcome', width: 'minmax(120px, 2fr)', wideOnly: true, cell: (run) => <Outcome run={run} /> },
  { id: 'duration', header: 'Duration', width: '76px', align: 'end', wideOnly: true, cell: (run) => (isRunning(run) ? <Elapsed since={run.startedAt} /> : <Duration ms={run.endedAt - run.startedAt} />) },
  { id: 'wait', header: <span title={WAITED}>Waited</span>, width: '76px', align: 'end', wideOnly: true, cell: (run) => (isRunning(run) ? null : <Waited ms={run.startedAt - run.queuedAt} />) },
  { id: 'trace', header: 'Trace', width: '128px', wideOnly: true, cell: (run) => <Trace id={run.traceId} /> },
  { id: 'started', header: 'Started', width: '72px', align: 'end', cell: (run) => <Time at={run.startedAt} /> },
]

function Step({ run }: { run: RunRow }) {
  return (
    <span className={styles.step}>
      <span className={styles.kind} style={{ '--kind': kindColor(run.kind) }} title={run.kind}>
        <Icon name={kindIcon(run.kind)} size={14} />
      </span>
      <Link className={styles.name} params={{ run: run.id }} to="/runs/$run">
        {run.step}
      </Link>
      {run.attempt > 1 && (
        <Badge tone="warning">
          <span className={styles.word}>attempt</span> {run.attempt}
        </Badge>
      )}
      {!isRunning(run) && run.replayOf !== null && <Badge>replay</Badge>}
    </span>
  )
}

function Outcome({ run }: { run: RunRow }) {
  if (isRunning(run)) return null
  if (run.error) {
    return (
      <span className={run.status === 'cancelled' ? styles.quiet : styles.error} title={run.error.message}>
        <code>{run.error.code}</code> {run.error.message}
      </span>
    )
  }
  return run.responseStatus === null ? null : <span className={run.responseStatus < 400 ? styles.quiet : styles.warned}>{run.responseStatus}</span>
}

/** What is not worth a second look is quiet. */
function Waited({ ms }: { ms: number }) {
  return <span className={ms < 1_000 ? styles.quiet : undefined}>{ms > 0 ? formatDuration(ms) : ''}</span>
}

function Trace({ id }: { id: string }) {
  return (
    <Link className={styles.trace} params={{ trace: id }} to="/traces/$trace">
      {id}
    </Link>
  )
}

/** How long something has been going on. */
export function Elapsed({ since }: { since: number }) {
  const now = useNow()
  return <>{formatDuration(Math.max(0, Math.floor((now - since) / 1_000) * 1_000))}</>
}
