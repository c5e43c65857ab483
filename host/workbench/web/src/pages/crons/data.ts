import { queryOptions } from '@tanstack/react-query'

import { api } from '../../api/client.ts'
import type { List, Run } from '../../api/types.ts'

/** The newest runs of a cron step, by the clock and by hand. */
export const runsOf = (step: string, limit: number) =>
  queryOptions({
    queryKey: ['runs', 'crons', step, limit],
    queryFn: async ({ signal }) => (await api.get<List<Run>>('runs', { step, kind: 'cron', limit }, signal)).items,
    refetchInterval: 3_000,
  })
