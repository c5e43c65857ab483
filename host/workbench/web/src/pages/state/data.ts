import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query'

import { api, path } from '../../api/client.ts'
import type { List, StateEntry, StateGroup } from '../../api/types.ts'

const PAGE = 200

/** How often the page looks again, watched and not; several pages of a list are looked at less often. */
const WATCH_MS = 1_000
const LOOK_MS = 5_000
const watchMs = (watch: boolean, pages: number) => (watch ? WATCH_MS : LOOK_MS) * Math.max(1, pages)

const firstPage = undefined as string | number | undefined

export const groups = (search: string | undefined, watch: boolean) =>
  infiniteQueryOptions({
    queryKey: ['state', 'groups', search],
    queryFn: ({ pageParam, signal }) => api.get<List<StateGroup>>('state', { search, after: pageParam, limit: PAGE }, signal),
    initialPageParam: firstPage,
    getNextPageParam: (page) => page.next ?? undefined,
    placeholderData: (before) => before,
    refetchInterval: (query) => watchMs(watch, query.state.data?.pages.length ?? 1),
  })

export const entries = (group: string, search: string | undefined, watch: boolean) =>
  infiniteQueryOptions({
    queryKey: ['state', 'entries', group, search],
    queryFn: ({ pageParam, signal }) => api.get<List<StateEntry>>(`state/${path(group)}`, { search, after: pageParam, limit: PAGE }, signal),
    initialPageParam: firstPage,
    getNextPageParam: (page) => page.next ?? undefined,
    refetchInterval: (query) => watchMs(watch, query.state.data?.pages.length ?? 1),
  })

export const entry = (group: string, key: string, watch: boolean) =>
  queryOptions({
    queryKey: ['state', 'entry', group, key],
    queryFn: ({ signal }) => api.get<StateEntry>(`state/${path(group, key)}`, {}, signal),
    // What is gone does not come back by asking.
    refetchInterval: (query) => query.state.error === null && watchMs(watch, 1),
  })
