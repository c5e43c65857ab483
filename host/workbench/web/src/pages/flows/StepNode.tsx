import { useQuery } from '@tanstack/react-query'
import { Handle, type NodeProps, Position } from '@xyflow/react'
import { memo } from 'react'

import { queries } from '../../api/queries.ts'
import type { Language, StepFigures } from '../../api/types.ts'
import { classes, formatCount, Icon, kindColor, kindIcon, MethodBadge } from '../../ui/index.ts'
import styles from './flows.module.css'
import { type StepNodeType, triggerOf } from './graph.ts'

/** A step in the graph. Its figures come to it by themselves, so that a run draws one node again and not the graph. */
export const StepNode = memo(function StepNode({ data: { step, hasSource, hasTarget }, selected, sourcePosition, targetPosition }: NodeProps<StepNodeType>) {
  const { data: figures } = useQuery({ ...queries.figures(), select: (all) => all.steps[step.name] })
  const trigger = triggerOf(step)
  const names = classes(
    styles.node,
    step.kind === 'noop' && styles.noop,
    selected && styles.selected,
    figures && figures.running > 0 && styles.running,
  )
  return (
    <div className={names} style={{ '--kind': kindColor(step.kind) }}>
      {hasTarget && <Handle className={styles.handle} isConnectable={false} position={targetPosition ?? Position.Top} type="target" />}
      <header className={styles.nodeHead}>
        <span className={styles.kind} title={`${step.kind} step`}>
          <Icon name={kindIcon(step.kind)} size={14} />
        </span>
        <strong className={styles.name}>{step.name}</strong>
        {step.kind !== 'noop' && <LanguageBadge language={step.language} />}
      </header>
      {step.description && (
        <p className={styles.description} title={step.description}>
          {step.description}
        </p>
      )}
      {trigger && (
        <p className={styles.trigger} title={trigger}>
          {step.method && <MethodBadge method={step.method} />}
          <code>{trigger}</code>
        </p>
      )}
      {step.kind !== 'noop' && <NodeFigures figures={figures} />}
      {hasSource && <Handle className={styles.handle} isConnectable={false} position={sourcePosition ?? Position.Bottom} type="source" />}
    </div>
  )
})

const LANGUAGES: Record<Language, string> = { typescript: 'TS', javascript: 'JS', python: 'PY', rust: 'RS' }

export function LanguageBadge({ language }: { language: Language }) {
  return (
    <span className={classes(styles.language, styles[language])} title={language}>
      {LANGUAGES[language]}
    </span>
  )
}

/** What a step has done since the start, and what waits for it. */
function NodeFigures({ figures }: { figures: StepFigures | undefined }) {
  if (!figures) return <footer className={styles.figures} />
  const { running, succeeded, failed, queue, paused } = figures
  const waiting = queue ? queue.ready + queue.delayed + queue.parked : 0
  const parts = queue ? [`${queue.ready} ready`, `${queue.delayed} due later`, `${queue.parked} parked`].filter((part) => !part.startsWith('0 ')) : []
  const nothing = running + succeeded + failed === 0
  return (
    <footer className={styles.figures}>
      {nothing && <span className={styles.quiet}>no runs yet</span>}
      {running > 0 && <Figure className={styles.isRunning} meaning="running" n={running} />}
      {succeeded > 0 && <Figure className={styles.isGood} meaning="succeeded" n={succeeded} />}
      {failed > 0 && <Figure className={styles.isBad} meaning="failed" n={failed} />}
      <span className={styles.space} />
      {paused && (
        <span className={styles.pausedPill} title="The queue is paused">
          <Icon name="pause" size={10} /> paused
        </span>
      )}
      {waiting > 0 && (
        <span className={styles.waitingPill} title={`In the queue: ${parts.join(', ')}`}>
          {formatCount(waiting)} waiting
        </span>
      )}
      {queue !== null && queue.dead > 0 && (
        <span className={styles.deadPill} title={`${queue.dead} dead letters`}>
          {formatCount(queue.dead)} dead
        </span>
      )}
    </footer>
  )
}

function Figure({ n, meaning, className }: { n: number; meaning: string; className?: string }) {
  return (
    <span className={classes(styles.figure, className)} title={`${n} ${meaning}`}>
      {formatCount(n)}
      <span className="visually-hidden"> {meaning}</span>
    </span>
  )
}
