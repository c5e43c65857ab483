import { flag, text } from '../../search.ts'

export interface StateSearch {
  /** Of the list of groups. */
  groups?: string
  group?: string
  /** Of the entries. */
  search?: string
  key?: string
  watch?: true
}

export function validateSearch(search: Record<string, unknown>): StateSearch {
  return {
    groups: text(search.groups),
    group: text(search.group),
    search: text(search.search),
    key: text(search.key),
    watch: flag(search.watch),
  }
}
