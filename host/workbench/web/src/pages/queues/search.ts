import type { DeliveryState } from '../../api/types.ts'
import { oneOf, text } from '../../search.ts'
import { STATES } from './reasons.ts'

const TABS = ['waiting', 'keys', 'settings'] as const

export interface QueuesSearch {
  /** Of the list of queues. */
  search?: string
  step?: string
  tab?: (typeof TABS)[number]
  state?: DeliveryState
  delivery?: string
}

export function validateSearch(search: Record<string, unknown>): QueuesSearch {
  return {
    search: text(search.search),
    step: text(search.step),
    tab: oneOf(search.tab, TABS),
    state: oneOf(search.state, STATES),
    delivery: text(search.delivery),
  }
}
