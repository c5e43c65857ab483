import { text } from '../../search.ts'

export interface RunSearch {
  tab?: string
  span?: string
}

export function validateSearch(search: Record<string, unknown>): RunSearch {
  return {
    tab: text(search.tab),
    span: text(search.span),
  }
}
