import { queryOptions } from '@tanstack/react-query'

import { api, ApiError, path } from '../../api/client.ts'
import type { Delivery, List, Run, RunDetail, RunningInfo } from '../../api/types.ts'

/** A run that has just ended may take so long to be written. */
export const WRITTEN_MS = 400
const LOOKS = 4

export const isMissing = (error: unknown) => error instanceof ApiError && error.status === 404

/** A run, whether it goes on or has ended. */
export const runOf = (id: string) =>
  queryOptions({
    queryKey: ['runs', 'one', id],
    queryFn: async ({ signal }): Promise<RunDetail | RunningInfo> => {
      const running = await api.get<List<RunningInfo>>('runs/running', {}, signal)
      const found = running.items.find((run) => run.id === id)
      return found ?? api.get<RunDetail>(`runs/${path(id)}`, {}, signal)
    },
    retry: (failures, error) => isMissing(error) && failures < LOOKS,
    retryDelay: WRITTEN_MS,
    refetchInterval: ({ state }) => (state.data && !('endedAt' in state.data) ? 1_000 : false),
    staleTime: 60_000,
  })

const MOST = 1_000

/** All attempts of the run's invocation, the first one first; what is redriven counts from 1 again. */
export const attemptsOf = (run: Run) =>
  queryOptions({
    queryKey: ['runs', 'attempts', run.invocationId],
    queryFn: async ({ signal }) => {
      const { traceId, step, invocationId } = run
      const { items } = await api.get<List<Run>>('runs', { traceId, step, limit: MOST }, signal)
      return items.filter((other) => other.invocationId === invocationId).sort((one, other) => (one.id < other.id ? -1 : 1))
    },
    enabled: run.delivery !== null,
  })

/** What an attempt is called beside the others. */
export function attemptName(attempts: readonly Run[], index: number): string {
  const [before, run] = [attempts[index - 1], attempts[index]]
  const isRedriven = before && run && run.attempt <= before.attempt
  return `${isRedriven ? 'Redriven: attempt' : 'Attempt'} ${run?.attempt}`
}

/** The run's delivery, as long as it is not done; null after that. */
export const deliveryOf = (id: string | null) =>
  queryOptions({
    queryKey: ['deliveries', 'one', id],
    queryFn: async ({ signal }) => {
      try {
        return await api.get<Delivery>(`deliveries/${path(id ?? '')}`, {}, signal)
      } catch (error) {
        if (isMissing(error)) return null
        throw error
      }
    },
    enabled: id !== null,
    refetchInterval: ({ state }) => (state.data ? 2_000 : false),
  })
