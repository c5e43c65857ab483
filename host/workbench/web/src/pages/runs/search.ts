import type { RunKind, RunStatus } from '../../api/types.ts'
import { flag, oneOf, text, whole } from '../../search.ts'

export const KINDS: RunKind[] = ['api', 'event', 'batch', 'cron', 'state', 'stream']
export const STATUSES: (RunStatus | 'running')[] = ['running', 'succeeded', 'failed', 'cancelled']

export interface RunsSearch {
  step?: string
  kind?: RunKind
  status?: RunStatus | 'running'
  flow?: string
  traceId?: string
  search?: string
  roots?: true
  minMs?: number
  /** See `time-range.ts`. */
  since?: string
  until?: string
}

export function validateSearch(search: Record<string, unknown>): RunsSearch {
  return {
    step: text(search.step),
    kind: oneOf(search.kind, KINDS),
    status: oneOf(search.status, STATUSES),
    flow: text(search.flow),
    traceId: text(search.traceId),
    search: text(search.search),
    roots: flag(search.roots),
    minMs: whole(search.minMs),
    since: text(search.since),
    until: text(search.until),
  }
}
