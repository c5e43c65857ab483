import type { Log, Span } from '../../api/types.ts'
import { kindColor } from '../../ui/Badge.tsx'
import { colorOf, depthOf, logColor } from '../../waterfall/span.ts'
import type { Row } from '../../waterfall/Waterfall.tsx'
import { isWantedLog, isWantedSpan } from '../run/timeline.ts'
import type { RunNode, TraceNode, WaitingNode } from './tree.ts'

export type TraceRow = Row &
  ({ type: 'run'; node: RunNode } | { type: 'waiting'; node: WaitingNode } | { type: 'span'; run: string; span: Span } | { type: 'log'; log: Log })

export interface RowOptions {
  startedAt: number
  now: number
  /** Runs whose rows below are hidden. */
  closed: ReadonlySet<string>
  /** Nothing, if spans are not shown. */
  spansOf: (run: string) => readonly Span[]
  /** Whether something is or will be below each run. */
  hasSpans: boolean
  logsOf: ReadonlyMap<string, Log[]>
  search?: string
  errors?: boolean
}

/** What stands below a run, by its time. */
type Item = { at: number; node: TraceNode } | { at: number; span: Span } | { at: number; log: Log }

/**
 * The lines of a trace: each run, under it its spans, its records and what it has caused, by their times. With words or
 * errors only, those runs stay that have them, or have something below them that does.
 */
export function traceRows(roots: readonly TraceNode[], options: RowOptions): TraceRow[] {
  const { startedAt, closed, search, errors } = options
  const words = search?.toLowerCase()
  const kept = words === undefined && !errors ? null : keptNodes(roots, options, words)
  const rows: TraceRow[] = []
  const us = (at: number) => (at - startedAt) * 1_000
  const stack: { item: Item; depth: number; run: RunNode | null }[] = []
  const push = (items: Item[], depth: number, run: RunNode | null) => {
    for (const item of items.reverse()) stack.push({ item, depth, run })
  }
  push(roots.map((node) => ({ at: node.at, node })), 0, null)
  for (let entry = stack.pop(); entry; entry = stack.pop()) {
    const { item, depth, run } = entry
    if ('span' in item && run) {
      const { span } = item
      rows.push({
        type: 'span', id: `${run.id}-${span.index}`, run: run.id, span, depth: depth + depthOf(span),
        startUs: us(run.at) + span.startUs, durationUs: span.durationUs, color: colorOf(span), state: 'ended',
      })
    } else if ('log' in item) {
      rows.push({ type: 'log', id: `l${item.log.id}`, log: item.log, depth, startUs: us(item.log.at), durationUs: null, color: logColor(item.log), state: 'ended' })
    } else if ('node' in item) {
      const { node } = item
      if (kept && !kept.has(node.id)) continue
      rows.push(node.type === 'run' ? runRow(node, depth, options) : waitingRow(node, depth, options))
      if (node.type === 'run' && !closed.has(node.id)) push(itemsOf(node, options, words), depth + 1, node)
    }
  }
  return rows
}

function itemsOf(node: RunNode, { spansOf, logsOf, errors }: RowOptions, words: string | undefined): Item[] {
  const items: Item[] = node.children.map((child) => ({ at: child.at, node: child }))
  for (const span of spansOf(node.id)) if (isWantedSpan(span, words, errors)) items.push({ at: node.at + span.startUs / 1_000, span })
  for (const log of logsOf.get(node.id) ?? []) if (isWantedLog(log, words, errors)) items.push({ at: log.at, log })
  return items.sort((one, other) => one.at - other.at)
}

/** The runs and deliveries that match, and all that they stand under. */
function keptNodes(roots: readonly TraceNode[], { spansOf, logsOf, errors }: RowOptions, words: string | undefined): Set<string> {
  const kept = new Set<string>()
  const isMatch = (node: TraceNode): boolean => {
    if (node.type === 'waiting') return !errors && hasWords([node.delivery.step, node.delivery.topic, node.delivery.why], words)
    const { run } = node
    const error = 'endedAt' in run ? run.error : null
    if ((!errors || error !== null) && hasWords([run.step, run.id, error?.message], words)) return true
    return spansOf(run.id).some((span) => isWantedSpan(span, words, errors)) || (logsOf.get(run.id) ?? []).some((log) => isWantedLog(log, words, errors))
  }
  const above = new Map<string, string>()
  const stack = [...roots]
  for (let node = stack.pop(); node; node = stack.pop()) {
    if (isMatch(node)) for (let id: string | undefined = node.id; id !== undefined && !kept.has(id); id = above.get(id)) kept.add(id)
    if (node.type !== 'run') continue
    for (const child of node.children) {
      above.set(child.id, node.id)
      stack.push(child)
    }
  }
  return kept
}

function hasWords(texts: (string | undefined)[], words: string | undefined): boolean {
  return words === undefined || texts.some((text) => text?.toLowerCase().includes(words))
}

function runRow(node: RunNode, depth: number, { startedAt, now, closed, hasSpans, logsOf }: RowOptions): TraceRow {
  const { run } = node
  const isEnded = 'endedAt' in run
  const hasBelow = node.children.length > 0 || logsOf.has(node.id) || (hasSpans && isEnded && run.spans > 0)
  return {
    type: 'run', id: node.id, node, depth, startUs: (run.startedAt - startedAt) * 1_000,
    durationUs: Math.max((isEnded ? run.endedAt : now) - run.startedAt, 0) * 1_000,
    color: isEnded && run.status === 'failed' ? 'var(--danger)' : kindColor(run.kind),
    state: isEnded ? 'ended' : 'running',
    open: hasBelow ? !closed.has(node.id) : undefined,
  }
}

/** From the event until now: when it is due may be so far away that nothing else could be seen. */
function waitingRow(node: WaitingNode, depth: number, { startedAt, now }: RowOptions): TraceRow {
  const { emittedAt } = node.delivery
  return {
    type: 'waiting', id: node.id, node, depth, startUs: (emittedAt - startedAt) * 1_000,
    durationUs: Math.max(now - emittedAt, 1) * 1_000, color: 'var(--text-3)', state: 'waiting',
  }
}
