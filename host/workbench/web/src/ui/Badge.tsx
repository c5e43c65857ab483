import type { ReactNode } from 'react'

import styles from './Badge.module.css'
import { classes } from './classes.ts'
import { Icon, type IconName } from './icons.tsx'

export type Tone = 'neutral' | 'info' | 'success' | 'warning' | 'danger'

export function Badge({ tone = 'neutral', children }: { tone?: Tone; children: ReactNode }) {
  return <span className={classes(styles.badge, styles[tone])}>{children}</span>
}

const STATUS_TONES: Record<string, Tone> = {
  running: 'info',
  leased: 'info',
  building: 'info',
  live: 'success',
  good: 'success',
  succeeded: 'success',
  ready: 'success',
  failed: 'danger',
  broken: 'danger',
  dead: 'danger',
  lost: 'warning',
  retrying: 'warning',
  throttled: 'warning',
  paused: 'warning',
  disk_full: 'danger',
}

/** Goes on by itself. Not what runs: on a busy host a browser would draw all the time. */
const MOVING = new Set(['building'])

/** A dot and the word, for whatever has a state: runs, deliveries, queues, builds. */
export function StatusBadge({ status, label }: { status: string; label?: string }) {
  const tone = STATUS_TONES[status] ?? 'neutral'
  return (
    <span className={styles.status}>
      <span className={classes(styles.dot, styles[tone], MOVING.has(status) && styles.pulse)} />
      {label ?? status.replaceAll('_', ' ')}
    </span>
  )
}

const KINDS: Record<string, IconName> = {
  api: 'endpoints',
  event: 'bolt',
  batch: 'layers',
  cron: 'clock',
  state: 'state',
  stream: 'stream',
  noop: 'user',
}

/** The icon of a kind of step or run. */
export function kindIcon(kind: string): IconName {
  return KINDS[kind] ?? 'bolt'
}

/** The colour of a kind of step or run, as a CSS value. */
export function kindColor(kind: string): string {
  return `var(--kind-${kind === 'batch' ? 'event' : kind in KINDS ? kind : 'noop'})`
}

export function KindBadge({ kind }: { kind: string }) {
  return (
    <span className={classes(styles.badge, styles.kind)} style={{ '--kind': kindColor(kind) }}>
      <Icon name={kindIcon(kind)} size={12} />
      {kind}
    </span>
  )
}

const METHODS: Record<string, string> = {
  GET: 'var(--info)',
  POST: 'var(--success)',
  PUT: 'var(--kind-cron)',
  PATCH: 'var(--kind-event)',
  DELETE: 'var(--danger)',
}

export function MethodBadge({ method }: { method: string }) {
  return (
    <span className={styles.method} style={{ '--method': METHODS[method] ?? 'var(--text-2)' }}>
      {method === 'DELETE' ? 'DEL' : method}
    </span>
  )
}
