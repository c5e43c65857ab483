import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query'

import { api, path } from '../../api/client.ts'
import type { List, StreamGroup, StreamInfo, StreamItem } from '../../api/types.ts'

const LOOK_MS = 3_000
const PAGE = 200

export const streams = () =>
  queryOptions({
    queryKey: ['streams'],
    queryFn: async ({ signal }) => (await api.get<List<StreamInfo>>('streams', {}, signal)).items,
    refetchInterval: LOOK_MS,
  })

export const groups = (stream: string, search: string | undefined) =>
  infiniteQueryOptions({
    queryKey: ['streams', stream, 'groups', search],
    queryFn: ({ pageParam, signal }) => api.get<List<StreamGroup>>(`streams/${path(stream)}`, { search, after: pageParam, limit: PAGE }, signal),
    initialPageParam: undefined as string | number | undefined,
    getNextPageParam: (page) => page.next ?? undefined,
    refetchInterval: (query) => LOOK_MS * Math.max(1, query.state.data?.pages.length ?? 1),
  })

/** The first items of a group, for the offsets that a snapshot does not say. */
export const listed = (stream: string, group: string) =>
  queryOptions({
    queryKey: ['streams', stream, 'items', group],
    queryFn: async ({ signal }) => (await api.get<List<StreamItem>>(`streams/${path(stream, group)}`, { limit: 1000 }, signal)).items,
    staleTime: Infinity,
    gcTime: 0,
  })
