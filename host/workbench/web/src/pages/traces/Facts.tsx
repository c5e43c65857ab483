import type { Trace } from '../../api/types.ts'
import { CopyButton, Duration, formatNumber, Time } from '../../ui/index.ts'
import { Fact, OWN_CODE } from '../run/Facts.tsx'
import styles from '../run/run.module.css'
import { Elapsed } from '../runs/columns.tsx'

/** The API answers no more. */
const MOST = 10_000

/** A trace in a line. */
export function Facts({ trace }: { trace: Trace }) {
  const { runs, running, waiting, startedAt, endedAt } = trace
  const attempted = new Set(running.flatMap(({ deliveries }) => deliveries))
  const waits = waiting.filter(({ id }) => !attempted.has(id))
  // Due later, if at all: what is due waits for its turn, and the timeline says for what.
  const next = Math.min(...waits.map(({ dueAt }) => dueAt))
  const failed = runs.filter(({ status }) => status === 'failed').length
  const cpuUs = runs.reduce((sum, run) => sum + (run.cpuUs ?? 0), 0)
  return (
    <dl className={styles.facts}>
      <Fact name="Started">
        <Time at={startedAt} />
      </Fact>
      <Fact name="Total time">{endedAt === null ? startedAt === null ? '-' : <Elapsed since={startedAt} /> : <Duration ms={endedAt - startedAt} />}</Fact>
      <Fact name="Runs">
        {formatNumber(runs.length)}
        {runs.length === MOST ? ' or more' : ''}
      </Fact>
      <Fact name="Failed">
        <span className={failed > 0 ? styles.bad : styles.quiet}>{formatNumber(failed)}</span>
      </Fact>
      {running.length > 0 && <Fact name="Running">{formatNumber(running.length)}</Fact>}
      {waits.length > 0 && (
        <Fact name="Waiting">
          {formatNumber(waits.length)}
          {next > Date.now() && (
            <span className={styles.quiet}>
              {waits.length > 1 ? ', the next is due ' : ', due '}
              <Time at={next} />
            </span>
          )}
        </Fact>
      )}
      <Fact name="Own code" title={OWN_CODE}>
        <Duration ms={Math.round(cpuUs / 100) / 10} />
      </Fact>
      <Fact name="W3C trace id">
        <span className={styles.mono}>{trace.w3cTraceId}</span>
        <CopyButton label="Copy the W3C trace id" text={trace.w3cTraceId} />
      </Fact>
    </dl>
  )
}
