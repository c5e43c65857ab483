import type { AttemptError } from '../../api/types.ts'
import { Badge, Time } from '../../ui/index.ts'
import styles from './queues.module.css'

/** Why an attempt failed, with its stack. */
export function AttemptErrorView({ error }: { error: AttemptError }) {
  return (
    <article className={styles.error}>
      <header>
        <span>Attempt {error.attempt}</span>
        <Badge tone="danger">{error.code}</Badge>
        <span className={styles.when}>
          <Time at={error.failedAt} />
        </span>
      </header>
      <p>{error.message}</p>
      {error.stack && (
        <pre tabIndex={0} aria-label={`Stack of attempt ${error.attempt}`}>
          {error.stack}
        </pre>
      )}
    </article>
  )
}
