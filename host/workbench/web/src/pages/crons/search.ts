import { text } from '../../search.ts'

export interface CronsSearch {
  step?: string
}

export function validateSearch(search: Record<string, unknown>): CronsSearch {
  return {
    step: text(search.step),
  }
}
