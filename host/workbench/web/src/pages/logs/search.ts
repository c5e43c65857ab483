import { text } from '../../search.ts'

export interface LogsSearch {
  level?: string
  step?: string
  traceId?: string
  run?: string
  search?: string
  since?: string
  until?: string
}

export function validateSearch(search: Record<string, unknown>): LogsSearch {
  return {
    level: text(search.level),
    step: text(search.step),
    traceId: text(search.traceId),
    run: text(search.run),
    search: text(search.search),
    since: text(search.since),
    until: text(search.until),
  }
}
