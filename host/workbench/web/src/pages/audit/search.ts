import { text } from '../../search.ts'

export interface AuditSearch {
  entry?: string
}

export function validateSearch(search: Record<string, unknown>): AuditSearch {
  return {
    entry: text(search.entry),
  }
}
