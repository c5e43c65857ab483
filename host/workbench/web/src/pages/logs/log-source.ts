import { api } from '../../api/client.ts'
import type { List, Log } from '../../api/types.ts'
import type { ListSource } from '../../live-list.ts'
import { timeOf } from '../time-range.ts'
import { LEVELS, type LogsSearch } from './search.ts'

const PAGE = 200
/** The most that the API answers at once. */
const LARGE_PAGE = 1_000

/** The filter as the API has it. */
export function parametersOf({ since, until, ...rest }: LogsSearch, now: number) {
  return { ...rest, since: timeOf(since, now), until: timeOf(until, now) }
}

/** Whether a record that was told live belongs to the list; as the host decides for those that it lists. */
export function matches(log: Log, filter: LogsSearch, now: number): boolean {
  const { level, step, traceId, run, search, since, until } = filter
  const [from, to] = [timeOf(since, now), timeOf(until, now)]
  if (level !== undefined && LEVELS.indexOf(log.level) < LEVELS.indexOf(level)) return false
  if (step !== undefined && log.step !== step) return false
  if (traceId !== undefined && log.traceId !== traceId) return false
  if (run !== undefined && log.run !== run) return false
  if ((from !== undefined && log.at < from) || (to !== undefined && log.at >= to)) return false
  if (search === undefined) return true
  const words = search.toLowerCase()
  return log.message.toLowerCase().includes(words) || (log.args !== null && JSON.stringify(log.args).toLowerCase().includes(words))
}

export function logSource(filter: LogsSearch): ListSource<Log> {
  return { page: (before, signal) => api.get<List<Log>>('logs', { ...parametersOf(filter, Date.now()), before, limit: PAGE }, signal) }
}

/** All records that match, oldest first; of more than `most` the newest. */
export async function allLogs(filter: LogsSearch, most: number, signal?: AbortSignal): Promise<Log[]> {
  const parameters = parametersOf(filter, Date.now())
  const logs: Log[] = []
  for (let before: string | number | null | undefined; before !== null && logs.length < most; ) {
    const limit = Math.min(LARGE_PAGE, most - logs.length)
    const page: List<Log> = await api.get<List<Log>>('logs', { ...parameters, before, limit }, signal)
    for (const log of page.items) logs.push(log)
    before = page.next
  }
  return logs.reverse()
}

/** As a line for people. */
export function toLine({ at, level, step, message, args }: Log): string {
  const words = [new Date(at).toISOString(), level.toUpperCase().padEnd(5), step, message]
  return [...words, ...(args === null ? [] : [JSON.stringify(args)])].join(' ')
}

/** One JSON object a line. */
export function toNdjson(logs: readonly Log[]): string {
  return logs.map((log) => `${JSON.stringify(log)}\n`).join('')
}
