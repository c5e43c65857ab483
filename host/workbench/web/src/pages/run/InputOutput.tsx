import type { Json, RunDetail } from '../../api/types.ts'
import { CopyButton, JsonView } from '../../ui/index.ts'
import styles from './run.module.css'

/** What the step was called with, and what it has answered. */
export function InputOutput({ run }: { run: RunDetail }) {
  const noOutput =
    run.kind === 'api'
      ? run.status === 'succeeded'
        ? 'It was too large to keep.'
        : 'The step has not answered.'
      : 'Only api steps answer; what other steps did is under Changes.'
  return (
    <div className={styles.values}>
      <Value none="It was too large to keep." title="Input" value={run.input} />
      <Value none={noOutput} title="Output" value={run.output} />
    </div>
  )
}

function Value({ title, value, none }: { title: string; value: Json; none: string }) {
  return (
    <section className={styles.value}>
      <h2>
        {title}
        {value !== null && <CopyButton label={`Copy the ${title.toLowerCase()}`} text={() => JSON.stringify(value, null, 2)} />}
      </h2>
      <div>{value === null ? <p className={styles.quiet}>{none}</p> : <JsonView collapsed={3} value={value} />}</div>
    </section>
  )
}
