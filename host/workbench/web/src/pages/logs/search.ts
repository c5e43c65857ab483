import type { LogLevel } from '../../api/types.ts'
import { oneOf, text } from '../../search.ts'

/** The least first. */
export const LEVELS: LogLevel[] = ['debug', 'info', 'warn', 'error']

export interface LogsSearch {
  /** This one and worse. */
  level?: LogLevel
  step?: string
  traceId?: string
  run?: string
  search?: string
  /** See `time-range.ts`. */
  since?: string
  until?: string
}

export function validateSearch(search: Record<string, unknown>): LogsSearch {
  return {
    // From `debug` on is all of them.
    level: oneOf(search.level, LEVELS.slice(1)),
    step: text(search.step),
    traceId: text(search.traceId),
    run: text(search.run),
    search: text(search.search),
    since: text(search.since),
    until: text(search.until),
  }
}
