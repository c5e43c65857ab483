import type { Json, JsonObject, Log, Span } from '../api/types.ts'
import type { IconName } from '../ui/index.ts'

/** The parts of a run that hold its other spans. */
const PHASES = new Set(['queue', 'instantiate', 'guest', 'commit'])

/** Calls of the host are within the handler. */
export const depthOf = (span: Span) => (PHASES.has(span.name) ? 0 : 1)

const field = (detail: JsonObject | null, name: string): string => {
  const value = detail?.[name]
  return typeof value === 'string' || typeof value === 'number' ? String(value) : ''
}

/** What a span is about, in a few words. */
export function summaryOf({ name, detail }: Span): string {
  if (name === 'emit') return field(detail, 'topic')
  if (name === 'cancel') return field(detail, 'eventId')
  if (name === 'http') return `${field(detail, 'method')} ${field(detail, 'url')}`.trim()
  if (name.startsWith('state.')) return joined(detail, 'groupId', 'key')
  if (name === 'stream.send') return joined(detail, 'streamName', 'groupId', 'eventType')
  if (name.startsWith('stream.')) return joined(detail, 'streamName', 'groupId', 'id')
  return ''
}

const joined = (detail: JsonObject | null, ...names: string[]) => names.map((name) => field(detail, name)).filter(Boolean).join(' / ')

const TITLES: Record<string, string> = {
  queue: 'Waited',
  instantiate: 'Instantiate',
  guest: 'Handler',
  commit: 'Commit',
}

export const titleOf = ({ name }: Span) => TITLES[name] ?? name

const EXPLANATIONS: Record<string, string> = {
  queue: 'Since the request came or the event was emitted: with its delay, and the attempts before.',
  instantiate: 'Making the sandbox in which the step runs.',
  guest: 'The whole call of the handler, with everything that it waits for.',
  commit: 'Until everything that the run did is on disk.',
}

export const explanationOf = ({ name }: Span) => EXPLANATIONS[name]

/** The colour of a span's bar, as a CSS value. */
export function colorOf({ name, error }: Span): string {
  if (error !== null) return 'var(--danger)'
  if (name === 'emit' || name === 'cancel') return 'var(--kind-event)'
  if (name === 'http') return 'var(--kind-api)'
  if (name.startsWith('state.')) return 'var(--kind-state)'
  if (name.startsWith('stream.')) return 'var(--kind-stream)'
  if (name === 'commit') return 'var(--kind-cron)'
  return name === 'guest' ? 'var(--accent)' : 'var(--text-3)'
}

/** The colour of a record's mark, as a CSS value. */
export function logColor({ level }: Log): string {
  return level === 'error' ? 'var(--danger)' : level === 'warn' ? 'var(--warning)' : level === 'info' ? 'var(--info)' : 'var(--text-3)'
}

export function iconOf({ name }: Span): IconName {
  if (name === 'emit') return 'bolt'
  if (name === 'cancel') return 'ban'
  if (name === 'http') return 'external'
  if (name.startsWith('state.')) return 'state'
  if (name.startsWith('stream.')) return 'stream'
  if (name === 'commit') return 'save'
  if (name === 'queue') return 'clock'
  return name === 'guest' ? 'code' : 'layers'
}

/** What the run has changed or caused. */
const CHANGES = /^(emit|cancel|state\.(set|delete|clear|update)|stream\.(set|delete|send))$/

export const isChange = ({ name, error }: Span) => error === null && CHANGES.test(name)

/** A value before and after; undefined where nobody knows it. */
export interface Change {
  before: Json | undefined
  after: Json | undefined
}

/** What a span has changed; what it does not say itself is looked for in the run's spans before it. */
export function changeOf(span: Span, spans: readonly Span[]): Change | null {
  const { name, detail } = span
  if (!detail || !/^(state|stream)\.(set|delete|update)$/.test(name)) return null
  const isState = name.startsWith('state.')
  const before = detail.oldValue ?? lastSeen(span, spans)
  if (name.endsWith('.delete')) return { before: isState ? (detail.oldValue ?? null) : (detail.data ?? null), after: null }
  if (name === 'state.set' && 'oldValue' in detail) return { before: detail.oldValue, after: detail.value }
  return { before, after: isState ? detail.value : detail.data }
}

/** What an entry or an item was when the run last read or wrote it. */
function lastSeen(span: Span, spans: readonly Span[]): Json | undefined {
  const about = summaryOf(span)
  const area = span.name.split('.')[0]
  for (let at = indexBefore(span, spans); at >= 0; at -= 1) {
    const earlier = spans[at]
    if (!earlier || earlier.error !== null || !earlier.name.startsWith(`${area}.`) || summaryOf(earlier) !== about) continue
    if (earlier.name.endsWith('.delete')) return null
    if (/\.(get|set|update)$/.test(earlier.name)) return area === 'state' ? earlier.detail?.value : earlier.detail?.data
  }
  return undefined
}

function indexBefore(span: Span, spans: readonly Span[]): number {
  return spans[span.index]?.index === span.index ? span.index - 1 : spans.findIndex(({ index }) => index === span.index) - 1
}

/** A value that the host has cut because it is long. */
export const isCut = (value: Json | undefined): value is string => typeof value === 'string' && value.endsWith('…')
