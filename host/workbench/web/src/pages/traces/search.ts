import { flag, oneOf, text, whole } from '../../search.ts'

export const TABS = ['timeline', 'logs'] as const
export type TraceTab = (typeof TABS)[number]

export interface TracesSearch {
  tab?: TraceTab
  /** The run that is marked, or whose span is shown. */
  run?: string
  span?: number
  /** Of the timeline. */
  search?: string
  errors?: true
  /** Whether spans are shown under their runs; of small traces they are if it is not said. */
  spans?: 'shown' | 'hidden'
}

export function validateSearch(search: Record<string, unknown>): TracesSearch {
  return {
    tab: oneOf(search.tab, TABS),
    run: text(search.run),
    span: whole(search.span),
    search: text(search.search),
    errors: flag(search.errors),
    spans: oneOf(search.spans, ['shown', 'hidden'] as const),
  }
}
