import { queryOptions } from '@tanstack/react-query'

import { api, path } from '../../api/client.ts'
import type { Trace } from '../../api/types.ts'

/** A trace that goes on is looked at so often; a large one less. */
const LOOK_MS = 1_500
const LOOK_LARGE_MS = 8_000
const LARGE = 1_000

export const lookMs = (trace: Trace | undefined) => ((trace?.runs.length ?? 0) > LARGE ? LOOK_LARGE_MS : LOOK_MS)

export const traceOf = (id: string) =>
  queryOptions({
    queryKey: ['traces', id],
    queryFn: ({ signal }) => api.get<Trace>(`traces/${path(id)}`, {}, signal),
    refetchInterval: ({ state }) => (state.data?.status === 'running' ? lookMs(state.data) : false),
  })
