import { Link } from '@tanstack/react-router'
import { useMemo, useState } from 'react'

import type { Trace } from '../../api/types.ts'
import { Badge, Button, Icon, type Tone } from '../../ui/index.ts'
import { errorsOf, type TraceError } from './tree.ts'
import styles from './traces.module.css'

const SHOWN = 3

const OUTCOMES: Record<TraceError['outcome'], { words: string; tone: Tone }> = {
  failed: { words: 'failed for good', tone: 'danger' },
  retried: { words: 'will be tried again', tone: 'warning' },
  recovered: { words: 'succeeded later', tone: 'success' },
}

/** What has failed in a trace, what nothing has mended first. */
export function Errors({ trace }: { trace: Trace }) {
  const errors = useMemo(() => errorsOf(trace), [trace])
  const [all, setAll] = useState(false)
  if (errors.length === 0) return null
  return (
    <section aria-label="Errors" className={styles.errors}>
      <ul>
        {errors.slice(0, all ? errors.length : SHOWN).map(({ run, outcome, count }) => (
          <li key={run.id}>
            <Icon name="alert" size={14} />
            <Link params={{ run: run.id }} to="/runs/$run">
              {run.step}
            </Link>
            {run.error && <code>{run.error.code}</code>}
            <span className={styles.message} title={run.error?.message}>
              {run.error?.message}
            </span>
            {count > 1 && <Badge>{count.toLocaleString('en')} times</Badge>}
            <Badge tone={OUTCOMES[outcome].tone}>{OUTCOMES[outcome].words}</Badge>
          </li>
        ))}
      </ul>
      {errors.length > SHOWN && (
        <Button onClick={() => setAll(!all)} size="small" variant="ghost">
          {all ? 'Fewer' : `${errors.length - SHOWN} more`}
        </Button>
      )}
    </section>
  )
}
