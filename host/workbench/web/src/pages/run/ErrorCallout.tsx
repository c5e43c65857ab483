import type { AttemptError } from '../../api/types.ts'
import { Badge, CopyButton, Icon } from '../../ui/index.ts'
import styles from './run.module.css'

/** Why a run has failed; its stack names the lines of the sources. */
export function ErrorCallout({ error }: { error: AttemptError }) {
  const stack = error.stack?.trim()
  // Many stacks begin with the message.
  const frames = stack?.startsWith(error.message) ? stack.slice(error.message.length).trim() : stack
  return (
    <section aria-label="Error" className={styles.error}>
      <div className={styles.errorHead}>
        <Icon name="alert" />
        <p className={styles.message}>{error.message}</p>
        <Badge tone="danger">{error.code}</Badge>
        <CopyButton label="Copy the error" text={[`${error.code}: ${error.message}`, stack].filter(Boolean).join('\n')} />
      </div>
      {frames && (
        <pre aria-label="Stack" tabIndex={0}>
          {frames.replaceAll(/^\s+/gm, '')}
        </pre>
      )}
    </section>
  )
}
