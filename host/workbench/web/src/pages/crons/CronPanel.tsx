import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'

import { queries } from '../../api/queries.ts'
import type { Cron } from '../../api/types.ts'
import { Duration, ErrorState, Loading, SidePanel, StatusBadge, Time } from '../../ui/index.ts'
import details from '../details.module.css'
import styles from './crons.module.css'
import { runsOf } from './data.ts'
import { cronWords } from './words.ts'

interface Props {
  cron: Cron | undefined
  onClose: () => void
  action: (cron: Cron) => ReactNode
}

export function CronPanel({ cron, onClose, action }: Props) {
  return (
    <SidePanel open={cron !== undefined} onClose={onClose} title={cron?.step ?? ''} width={480}>
      {cron && (
        <div className={details.panel}>
          <Schedule cron={cron} />
          <div className={details.buttons}>{action(cron)}</div>
          <section>
            <h3>Next</h3>
            <NextTicks cron={cron} />
          </section>
          <section>
            <h3>History</h3>
            <History step={cron.step} />
          </section>
        </div>
      )}
    </SidePanel>
  )
}

function Schedule({ cron }: { cron: Cron }) {
  const description = useQuery(queries.steps()).data?.find((step) => step.name === cron.step)?.description
  return (
    <header className={styles.about}>
      {description && <p>{description}</p>}
      <p>
        {cronWords(cron.cron)} <code>{cron.cron}</code>
        {cron.timezone && ` in ${cron.timezone}`}
      </p>
    </header>
  )
}

function NextTicks({ cron }: { cron: Cron }) {
  const { timezone } = cron
  if (cron.nextTicks.length === 0) return <p className={details.none}>The schedule has no time that is still to come.</p>
  return (
    <ol className={styles.ticks}>
      {cron.nextTicks.map((tick) => (
        <li key={tick}>
          <span>{clock(tick, timezone)}</span>
          <Time at={tick} />
        </li>
      ))}
    </ol>
  )
}

/** The time on the clock of the schedule's zone, or of the reader's if it has none. */
function clock(at: number, timezone: string | null): string {
  const format = {
    weekday: 'short',
    day: 'numeric',
    month: 'short',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    hourCycle: 'h23',
  } as const
  try {
    return new Date(at).toLocaleString('en-GB', timezone ? { ...format, timeZone: timezone, timeZoneName: 'short' } : format)
  } catch {
    // A zone that this browser does not know.
    return new Date(at).toLocaleString('en-GB', format)
  }
}

function History({ step }: { step: string }) {
  const { data, error, refetch } = useQuery(runsOf(step, 20))
  if (error && !data) return <ErrorState error={error} retry={refetch} />
  if (!data) return <Loading />
  if (data.length === 0) return <p className={details.none}>No run is recorded. Runs are kept for 7 days unless the host was told otherwise.</p>
  return (
    <>
      <ol className={styles.history}>
        {data.map((run) => (
          <li key={run.id}>
            <Link to="/runs/$run" params={{ run: run.id }}>
              <StatusBadge status={run.status} />
              <span className={styles.message}>{run.error?.message}</span>
              <Duration ms={run.endedAt - run.startedAt} />
              <Time at={run.startedAt} />
            </Link>
          </li>
        ))}
      </ol>
      <Link to="/runs" search={{ step }} className={styles.all}>
        All runs of {step}
      </Link>
    </>
  )
}
