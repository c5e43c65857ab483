import { text } from '../../search.ts'

export interface EndpointsSearch {
  step?: string
  search?: string
}

export function validateSearch(search: Record<string, unknown>): EndpointsSearch {
  return {
    step: text(search.step),
    search: text(search.search),
  }
}
