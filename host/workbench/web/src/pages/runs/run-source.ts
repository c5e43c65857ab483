import { api } from '../../api/client.ts'
import type { List, Run, RunningInfo } from '../../api/types.ts'
import type { ListSource } from '../../live-list.ts'
import { timeOf } from '../time-range.ts'
import type { RunsSearch } from './search.ts'

/** A run that has ended, or one that goes on. */
export type RunRow = Run | RunningInfo

export const isRunning = (row: RunRow): row is RunningInfo => !('endedAt' in row)

const PAGE = 200

/** The filter as the API has it. */
export function parametersOf({ since, until, ...rest }: RunsSearch, now: number) {
  return { ...rest, since: timeOf(since, now), until: timeOf(until, now) }
}

/** The steps of a flow; undefined while nobody knows them. */
export type FlowSteps = ReadonlySet<string> | undefined

/** Whether a run that was told live belongs to the list; as the host decides for those that it lists. */
export function matches(row: RunRow, filter: RunsSearch, ofFlow: FlowSteps, now: number): boolean {
  const { step, kind, status, flow, traceId, search, roots, minMs, since, until } = filter
  const [from, to] = [timeOf(since, now), timeOf(until, now)]
  if (step !== undefined && row.step !== step) return false
  if (kind !== undefined && row.kind !== kind) return false
  if (status !== undefined && status !== (isRunning(row) ? 'running' : row.status)) return false
  if (flow !== undefined && !ofFlow?.has(row.step)) return false
  if (traceId !== undefined && row.traceId !== traceId) return false
  if (roots && (row.parent !== null || row.attempt !== 1)) return false
  if (minMs !== undefined && (isRunning(row) ? now : row.endedAt) - row.startedAt < minMs) return false
  if ((from !== undefined && row.startedAt < from) || (to !== undefined && row.startedAt >= to)) return false
  return search === undefined || hasWords(row, search.toLowerCase())
}

function hasWords(row: RunRow, words: string): boolean {
  const texts = [row.step, row.traceId, row.id, isRunning(row) ? undefined : row.error?.message]
  return texts.some((text) => text?.toLowerCase().includes(words))
}

/** Runs that match, newest first, with those that go on in their places among those that have ended. */
export function runSource(filter: RunsSearch, ofFlow: FlowSteps): ListSource<RunRow> {
  return {
    page: async (before, signal) => {
      const now = Date.now()
      const [ended, running] = await Promise.all([endedRuns(filter, before, now, signal), runningRuns(filter, signal)])
      const last = ended.next === null ? '' : (ended.items.at(-1)?.id ?? '')
      const isOfPage = ({ id }: RunRow) => id > last && (before === null || id < before)
      const fitting = running.filter((row) => isOfPage(row) && matches(row, filter, ofFlow, now))
      const known = new Set(ended.items.map(({ id }) => id))
      const items = [...ended.items, ...fitting.filter(({ id }) => !known.has(id))]
      return { items: items.sort((one, other) => (one.id < other.id ? 1 : -1)), next: ended.next }
    },
    better: (old, other) => (isRunning(other) ? old : other),
  }
}

async function endedRuns(filter: RunsSearch, before: string | null, now: number, signal: AbortSignal): Promise<List<RunRow>> {
  if (filter.status === 'running') return { items: [], next: null }
  return api.get<List<RunRow>>('runs', { ...parametersOf(filter, now), before, limit: PAGE }, signal)
}

async function runningRuns(filter: RunsSearch, signal: AbortSignal): Promise<RunningInfo[]> {
  if (filter.status !== undefined && filter.status !== 'running') return []
  return (await api.get<List<RunningInfo>>('runs/running', {}, signal)).items
}
