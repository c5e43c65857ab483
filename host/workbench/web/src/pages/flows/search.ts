import { oneOf, text } from '../../search.ts'

export const PANEL_TABS = ['source', 'config', 'schema', 'grants', 'runs'] as const
export type PanelTab = (typeof PANEL_TABS)[number]

export interface FlowsSearch {
  flow?: string
  step?: string
  tab?: PanelTab
}

export function validateSearch(search: Record<string, unknown>): FlowsSearch {
  return {
    flow: text(search.flow),
    step: text(search.step),
    tab: oneOf(search.tab, PANEL_TABS),
  }
}
