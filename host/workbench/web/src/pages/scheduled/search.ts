import { text } from '../../search.ts'

export interface ScheduledSearch {
  step?: string
  delivery?: string
}

export function validateSearch(search: Record<string, unknown>): ScheduledSearch {
  return {
    step: text(search.step),
    delivery: text(search.delivery),
  }
}
