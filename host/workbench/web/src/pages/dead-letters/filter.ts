import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query'

import { api, path } from '../../api/client.ts'
import type { DeadLetter, List, Redrive } from '../../api/types.ts'
import type { LetterFilter, Within } from './search.ts'

const MS: Record<Within, number> = { '1h': 3_600_000, '24h': 86_400_000, '7d': 604_800_000 }

/** How many letters are loaded at a time. */
const PAGE = 500

const LOOK_MS = 5_000

/** The filter as the API has it. */
export function parametersOf({ step, code, topic, traceId, within }: LetterFilter, now: number) {
  const given = { step, code, topic, traceId, since: within && now - MS[within] }
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined && value !== ''))
}

export const isFiltered = (filter: LetterFilter) => Object.keys(parametersOf(filter, 0)).length > 0

/** What a redrive or discard of everything that is shown takes as its body. */
export function bodyOf(filter: LetterFilter, now: number): Record<string, unknown> {
  const parameters = parametersOf(filter, now)
  return Object.keys(parameters).length > 0 ? parameters : { all: true }
}

/** What a redrive brings back, in words. */
export function filterWords(filter: Record<string, unknown>): string {
  const ids = Array.isArray(filter.ids) ? filter.ids.length : 0
  const words = [
    ids > 0 && `${ids} chosen`,
    typeof filter.step === 'string' && `of ${filter.step}`,
    typeof filter.topic === 'string' && `of topic ${filter.topic}`,
    typeof filter.code === 'string' && `with ${filter.code}`,
    typeof filter.traceId === 'string' && `of trace ${filter.traceId}`,
    typeof filter.since === 'number' && `since ${new Date(filter.since).toLocaleString()}`,
    typeof filter.until === 'number' && `until ${new Date(filter.until).toLocaleString()}`,
  ].filter(Boolean)
  return words.length > 0 ? words.join(', ') : 'all'
}

export const letters = (filter: LetterFilter) =>
  infiniteQueryOptions({
    queryKey: ['dead-letters', filter],
    queryFn: ({ pageParam, signal }) =>
      api.get<List<DeadLetter>>('dead-letters', { ...parametersOf(filter, Date.now()), before: pageParam, limit: PAGE }, signal),
    initialPageParam: undefined as string | number | undefined,
    getNextPageParam: (page) => page.next ?? undefined,
    placeholderData: (before) => before,
    refetchInterval: (query) => ((query.state.data?.pages.length ?? 0) > 1 ? false : LOOK_MS),
  })

export const letter = (id: string) =>
  queryOptions({
    queryKey: ['dead-letters', 'one', id],
    queryFn: ({ signal }) => api.get<DeadLetter>(`dead-letters/${path(id)}`, {}, signal),
  })

export const redrives = () =>
  queryOptions({
    queryKey: ['redrives'],
    queryFn: async ({ signal }) => (await api.get<List<Redrive>>('redrives', {}, signal)).items,
    refetchInterval: (query) => ((query.state.data?.length ?? 0) > 0 ? 1_000 : LOOK_MS),
  })
