import { text } from '../../search.ts'

export interface TracesSearch {
  run?: string
  tab?: string
}

export function validateSearch(search: Record<string, unknown>): TracesSearch {
  return {
    run: text(search.run),
    tab: text(search.tab),
  }
}
