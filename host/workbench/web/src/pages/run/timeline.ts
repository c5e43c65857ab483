import type { Log, Span } from '../../api/types.ts'
import { colorOf, depthOf, logColor, summaryOf, titleOf } from '../../waterfall/span.ts'
import type { Row } from '../../waterfall/Waterfall.tsx'
import type { Window } from '../../waterfall/window.ts'

export type TimelineRow = Row & ({ type: 'span'; span: Span } | { type: 'log'; log: Log } | { type: 'running' })

export interface TimelineFilter {
  search?: string
  errors?: boolean
  logs: boolean
}

export function spanRow(span: Span, depth = depthOf(span), offsetUs = 0): TimelineRow {
  const { index, startUs, durationUs } = span
  return { type: 'span', id: `s${index}`, span, depth, startUs: offsetUs + startUs, durationUs, color: colorOf(span), state: 'ended' }
}

export function logRow(log: Log, startUs: number, depth = 1): TimelineRow {
  return { type: 'log', id: `l${log.id}`, log, depth, startUs, durationUs: null, color: logColor(log), state: 'ended' }
}

/** The spans of a run and what it has logged, by their times. */
export function timelineRows(spans: readonly Span[], logs: readonly Log[], startedAt: number, filter: TimelineFilter): TimelineRow[] {
  const words = filter.search?.toLowerCase()
  const rows: TimelineRow[] = []
  const shownLogs = filter.logs ? logs.filter((log) => isWantedLog(log, words, filter.errors)) : []
  let next = 0
  const addLogs = (until: number) => {
    for (let log = shownLogs[next]; log && logUs(log, startedAt) < until; log = shownLogs[next]) {
      rows.push(logRow(log, logUs(log, startedAt)))
      next += 1
    }
  }
  for (const span of spans) {
    if (!isWantedSpan(span, words, filter.errors)) continue
    addLogs(span.startUs)
    rows.push(spanRow(span))
  }
  addLogs(Infinity)
  return rows
}

/** Times of records are whole milliseconds: those of the first one are not before the run. */
const logUs = (log: Log, startedAt: number) => Math.max(0, (log.at - startedAt) * 1_000)

export function isWantedLog(log: Log, words: string | undefined, errors: boolean | undefined): boolean {
  if (errors && log.level !== 'error') return false
  return words === undefined || log.message.toLowerCase().includes(words)
}

const texts = new WeakMap<Span, string>()

/** Everything of a span that can be searched for. */
function textOf(span: Span): string {
  const known = texts.get(span)
  if (known !== undefined) return known
  const text = `${titleOf(span)} ${span.name} ${summaryOf(span)} ${JSON.stringify(span.detail)} ${span.error ?? ''}`.toLowerCase()
  texts.set(span, text)
  return text
}

export function isWantedSpan(span: Span, words: string | undefined, errors: boolean | undefined): boolean {
  if (errors && span.error === null) return false
  return words === undefined || textOf(span).includes(words)
}

/** From the wait before the run to its end. */
export function wholeOf(spans: readonly Span[], runUs: number, waitUs = 0): Window {
  let [from, to] = [-waitUs, Math.max(runUs, 1)]
  for (const { startUs, durationUs } of spans) {
    from = Math.min(from, startUs)
    to = Math.max(to, startUs + durationUs)
  }
  return { from, to }
}

/** The run without its wait, where that is so long that nothing else could be seen. */
export function firstOf(whole: Window): Window {
  return -whole.from > whole.to ? { from: -whole.to * 0.08, to: whole.to } : whole
}
