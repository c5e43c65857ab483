import { queryOptions, useQuery, useQueryClient } from '@tanstack/react-query'
import { useEffect, useMemo, useState } from 'react'

import { useLive } from '../../api/live.ts'
import type { Log } from '../../api/types.ts'
import { allLogs } from './log-source.ts'

/** Of more records than this the newest are shown; the Logs page has all. */
export const MOST_LOGS = 5_000

/** Whose logs. */
export type LogsOf = { run: string } | { traceId: string }

const logsOf = (of: LogsOf) =>
  queryOptions({
    queryKey: ['logs', of],
    queryFn: ({ signal }) => allLogs(of, MOST_LOGS, signal),
    staleTime: Infinity,
    gcTime: 60_000,
  })

/** The records of a run or a trace, oldest first, as they come. They are fetched again when `goesOn` changes. */
export function useLogs(of: LogsOf, goesOn: boolean) {
  const client = useQueryClient()
  // Told records may not be in an answer that was on its way meanwhile.
  const [told, setTold] = useState<Log[]>([])
  const options = logsOf(of)
  const key = JSON.stringify(of)
  useEffect(() => void client.invalidateQueries({ queryKey: ['logs', JSON.parse(key)] }), [client, key, goesOn])
  useLive(['logs'], (event) => {
    if (event.topic === 'gap' || (event.topic === 'logs' && event.data.skipped > 0)) void client.invalidateQueries(options)
    if (event.topic !== 'logs') return
    const mine = event.data.items.filter((log) => ('run' in of ? log.run === of.run : log.traceId === of.traceId))
    if (mine.length > 0) setTold((before) => withNew(before, mine))
  })
  const { data: fetched, ...query } = useQuery(options)
  const data = useMemo(() => fetched && withNew(fetched, told), [fetched, told])
  return { ...query, data }
}

function withNew(logs: Log[], told: Log[]): Log[] {
  const known = new Set(logs.map(({ id }) => id))
  const fresh = told.filter(({ id }) => !known.has(id))
  if (fresh.length === 0) return logs
  return [...logs, ...fresh].sort((one, other) => (one.id < other.id ? -1 : 1)).slice(-MOST_LOGS)
}
