import { oneOf, text } from '../../search.ts'

/** How many rows a query answers at most. */
export const LIMITS = ['100', '1000', '10000'] as const
export type Limit = (typeof LIMITS)[number]

export interface QuerySearch {
  sql?: string
  limit?: Limit
}

export function validateSearch(search: Record<string, unknown>): QuerySearch {
  return {
    sql: text(search.sql),
    limit: oneOf(search.limit, LIMITS),
  }
}
