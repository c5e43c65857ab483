import { oneOf, text } from '../../search.ts'

export const WITHIN = { '1h': 'the last hour', '24h': 'the last 24 hours', '7d': 'the last 7 days' } as const
export type Within = keyof typeof WITHIN

/** What the page shows. */
export interface LetterFilter {
  step?: string
  topic?: string
  code?: string
  traceId?: string
  within?: Within
}

export interface DeadLettersSearch extends LetterFilter {
  letter?: string
}

export function validateSearch(search: Record<string, unknown>): DeadLettersSearch {
  return {
    step: text(search.step),
    topic: text(search.topic),
    code: text(search.code),
    traceId: text(search.traceId),
    within: oneOf(search.within, Object.keys(WITHIN) as Within[]),
    letter: text(search.letter),
  }
}
