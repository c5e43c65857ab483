import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'

import type { Run } from '../../api/types.ts'
import { Badge, classes, Duration, formatDuration, StatusBadge, Time } from '../../ui/index.ts'
import { WAITED } from '../runs/columns.tsx'
import { attemptName, deliveryOf } from './data.ts'
import { OWN_CODE } from './Facts.tsx'
import styles from './run.module.css'

interface SwitchProps {
  run: Run
  attempts: Run[]
}

/** The attempts of the same invocation, one of which is shown, and what becomes of it next. */
export function AttemptSwitch({ run, attempts }: SwitchProps) {
  const last = attempts.at(-1)
  const isOver = last?.status !== 'failed'
  const { data: delivery } = useQuery(deliveryOf(isOver ? null : run.delivery))
  if (attempts.length < 2 && !delivery) return null
  return (
    <nav aria-label="Attempts" className={styles.attempts}>
      {attempts.map((attempt, index) => (
        <Link
          aria-current={attempt.id === run.id ? 'page' : undefined}
          className={styles.attempt}
          from="/runs/$run"
          key={attempt.id}
          params={{ run: attempt.id }}
          search={({ tab }) => ({ tab })}
          to="/runs/$run"
        >
          <StatusBadge label={attemptName(attempts, index)} status={attempt.status} />
          <span className={styles.quiet}>{formatDuration(attempt.endedAt - attempt.startedAt)}</span>
        </Link>
      ))}
      {delivery && (
        <Link className={styles.next} search={{ step: run.step, delivery: delivery.id }} title={delivery.why} to="/queues">
          <StatusBadge label={`Next: ${delivery.why}`} status={delivery.reason} />
        </Link>
      )}
      {!isOver && delivery === null && run.delivery !== null && (
        <Link className={styles.next} search={{ traceId: run.traceId }} to="/dead-letters">
          No further attempt: dead letters
        </Link>
      )}
    </nav>
  )
}

/** The attempts side by side. */
export function Attempts({ attempts, shown }: { attempts: Run[]; shown: string }) {
  return (
    <div className={styles.compared}>
      <table>
        <thead>
          <tr>
            <td />
            {attempts.map((run, index) => (
              <th className={classes(run.id === shown && styles.shown)} key={run.id} scope="col">
                <Link params={{ run: run.id }} to="/runs/$run">
                  {attemptName(attempts, index)}
                </Link>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {LINES.map(([name, cell]) => (
            <tr key={name}>
              <th scope="row" title={TITLES[name]}>
                {name}
              </th>
              {attempts.map((run) => (
                <td className={classes(run.id === shown && styles.shown)} key={run.id}>
                  {cell(run)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

const TITLES: Record<string, string> = { Waited: WAITED, 'Own code': OWN_CODE }

const LINES: [string, (run: Run) => ReactNode][] = [
  ['Status', (run) => <StatusBadge status={run.status} />],
  ['Started', (run) => <Time at={run.startedAt} />],
  ['Waited', (run) => <Duration ms={run.startedAt - run.queuedAt} />],
  ['Duration', (run) => <Duration ms={run.endedAt - run.startedAt} />],
  ['Own code', (run) => (run.cpuUs === null ? '-' : formatDuration(run.cpuUs / 1_000))],
  ['Spans', (run) => run.spans.toLocaleString('en')],
  ['Version', (run) => <code title={run.deployment}>{run.deployment.slice(0, 12)}</code>],
  ['Error', (run) => run.error && <Badge tone="danger">{run.error.code}</Badge>],
  ['Message', (run) => run.error?.message],
  ['Stack', (run) => run.error?.stack && <pre>{run.error.stack}</pre>],
]
