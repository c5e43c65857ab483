import { oneOf, text } from '../../search.ts'

const TABS = ['items', 'changes', 'schema'] as const

export interface StreamsSearch {
  stream?: string
  /** Of the list of groups. */
  groups?: string
  group?: string
  tab?: (typeof TABS)[number]
  /** Of the items. */
  search?: string
  id?: string
}

export function validateSearch(search: Record<string, unknown>): StreamsSearch {
  return {
    stream: text(search.stream),
    groups: text(search.groups),
    group: text(search.group),
    tab: oneOf(search.tab, TABS),
    search: text(search.search),
    id: text(search.id),
  }
}
