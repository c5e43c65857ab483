import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'

import type { Run, RunningInfo } from '../../api/types.ts'
import { Badge, CopyButton, Duration, formatDuration, Time } from '../../ui/index.ts'
import { Elapsed, WAITED } from '../runs/columns.tsx'
import styles from './run.module.css'

/** A parent may be a span of another program; ids of runs begin with their time, and causes are not much older. */
const OLDEST_CAUSE_MS = 31 * 24 * 60 * 60 * 1_000

function isRun(parent: string, { startedAt }: Run | RunningInfo): boolean {
  const before = startedAt - parseInt(parent.slice(0, 11), 16)
  return /^[0-9a-f]{16}$/.test(parent) && before >= 0 && before < OLDEST_CAUSE_MS
}

export const OWN_CODE = 'How long the processor was at it, without what it waited for'

/** What a run is and what it belongs to, in a line. */
export function Facts({ run }: { run: Run | RunningInfo }) {
  const ended = 'endedAt' in run ? run : null
  return (
    <dl className={styles.facts}>
      <Fact name="Started">
        <Time at={run.startedAt} />
      </Fact>
      <Fact name="Duration">{ended ? <Duration ms={ended.endedAt - ended.startedAt} /> : <Elapsed since={run.startedAt} />}</Fact>
      {ended && ended.startedAt > ended.queuedAt && (
        <Fact name="Waited" title={WAITED}>
          <Duration ms={ended.startedAt - ended.queuedAt} />
        </Fact>
      )}
      {ended?.cpuUs != null && <Fact name="Own code" title={OWN_CODE}>{formatDuration(ended.cpuUs / 1_000)}</Fact>}
      {ended?.responseStatus != null && (
        <Fact name="Response">
          <Badge tone={ended.responseStatus < 400 ? 'success' : ended.responseStatus < 500 ? 'warning' : 'danger'}>{ended.responseStatus}</Badge>
        </Fact>
      )}
      {run.attempt > 1 && <Fact name="Attempt">{run.attempt}</Fact>}
      <Fact name="Trace">
        <Link className={styles.mono} params={{ trace: run.traceId }} search={{ run: run.id }} to="/traces/$trace">
          {run.traceId}
        </Link>
      </Fact>
      {run.parent !== null && (
        <Fact name="Caused by">
          {isRun(run.parent, run) ? (
            <Link className={styles.mono} params={{ run: run.parent }} to="/runs/$run">
              {run.parent}
            </Link>
          ) : (
            <span className={styles.mono} title="A span of another program">
              {run.parent}
            </span>
          )}
        </Fact>
      )}
      {ended?.replayOf != null && (
        <Fact name="Replay of">
          <Link className={styles.mono} params={{ run: ended.replayOf }} to="/runs/$run">
            {ended.replayOf}
          </Link>
        </Fact>
      )}
      {ended?.delivery != null && (
        <Fact name="Delivery">
          <Link search={{ step: run.step, delivery: ended.delivery }} to="/queues">
            {ended.delivery}
          </Link>
        </Fact>
      )}
      {ended && (
        <Fact name="Version">
          <span className={styles.mono} title={ended.deployment}>
            {ended.deployment.slice(0, 12)}
          </span>
        </Fact>
      )}
      <Fact name="Run">
        <span className={styles.mono}>{run.id}</span>
        <CopyButton label="Copy the run's id" text={run.id} />
      </Fact>
    </dl>
  )
}

export function Fact({ name, title, children }: { name: string; title?: string; children: ReactNode }) {
  return (
    <div>
      <dt title={title}>{name}</dt>
      <dd>{children}</dd>
    </div>
  )
}
