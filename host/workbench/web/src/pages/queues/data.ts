import { queryOptions, useQuery } from '@tanstack/react-query'
import { useState } from 'react'

import { api, path } from '../../api/client.ts'
import { useLive } from '../../api/live.ts'
import { queries } from '../../api/queries.ts'
import type { Delivery, DeliveryState, List, Queue } from '../../api/types.ts'
import { Throughput } from './throughput.ts'

/** How often what waits is looked at. */
const LOOK_MS = 2_000

export const queues = () =>
  queryOptions({
    queryKey: ['queues'],
    queryFn: async ({ signal }) => (await api.get<List<Queue>>('queues', {}, signal)).items,
    refetchInterval: LOOK_MS,
  })

export const queue = (step: string) =>
  queryOptions({
    queryKey: ['queues', step],
    queryFn: ({ signal }) => api.get<Queue>(`queues/${path(step)}`, {}, signal),
    refetchInterval: LOOK_MS,
  })

/** The first deliveries of a step, of one state or of all. */
export const deliveries = (step: string | undefined, state: DeliveryState | undefined, limit: number) =>
  queryOptions({
    queryKey: ['deliveries', { step, state, limit }],
    queryFn: ({ signal }) => api.get<List<Delivery>>('deliveries', { step, state, limit }, signal),
    placeholderData: (before) => before,
    refetchInterval: LOOK_MS,
  })

/** Outlives the page, so that coming back does not begin a new minute. */
const throughput = new Throughput()

/** The runs of each step that end in a second. */
export function useThroughput(): (step: string) => number | null {
  const [, setAt] = useState(0)
  const figures = useQuery(queries.figures()).data
  if (figures) throughput.add(figures)
  useLive(['figures'], (event) => {
    if (event.topic !== 'figures') return
    throughput.add(event.data)
    setAt(event.data.at)
  })
  return (step) => throughput.perSecond(step)
}
