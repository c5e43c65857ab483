import { flag, oneOf, text, whole } from '../../search.ts'

export const TABS = ['timeline', 'data', 'changes', 'logs', 'attempts'] as const
export type RunTab = (typeof TABS)[number]

export interface RunSearch {
  tab?: RunTab
  /** The index of the span that is shown. */
  span?: number
  /** Of the timeline. */
  search?: string
  errors?: true
}

export function validateSearch(search: Record<string, unknown>): RunSearch {
  return {
    tab: oneOf(search.tab, TABS),
    span: whole(search.span),
    search: text(search.search),
    errors: flag(search.errors),
  }
}
