import type { Log, Span } from '../api/types.ts'
import { classes, Icon } from '../ui/index.ts'
import styles from './labels.module.css'
import { colorOf, iconOf, logColor, summaryOf, titleOf } from './span.ts'

export function SpanLabel({ span }: { span: Span }) {
  const summary = summaryOf(span)
  return (
    <span className={styles.label} title={span.error ?? summary}>
      <span className={styles.icon} style={{ '--color': colorOf(span) }}>
        <Icon name={span.error === null ? iconOf(span) : 'alert'} size={13} />
      </span>
      <span className={classes(span.error !== null && styles.failed)}>{titleOf(span)}</span>
      <span className={styles.summary}>{summary}</span>
    </span>
  )
}

export function LogLabel({ log }: { log: Log }) {
  return (
    <span className={styles.label} title={log.message}>
      <span className={styles.icon} style={{ '--color': logColor(log) }}>
        <Icon name="logs" size={13} />
      </span>
      <span className={classes(styles.message, log.level === 'error' && styles.failed)}>{log.message}</span>
    </span>
  )
}
