import type { Delivery, DeliveryState } from '../../api/types.ts'
import { formatDuration } from '../../ui/format.ts'

export type Tone = 'neutral' | 'info' | 'success' | 'warning' | 'danger'

/** The words that say why a delivery is not running, as people read them. */
const REASONS: Record<string, { label: string; tone: Tone }> = {
  ready: { label: 'ready', tone: 'success' },
  running: { label: 'running', tone: 'info' },
  scheduled: { label: 'scheduled', tone: 'neutral' },
  retrying: { label: 'retrying', tone: 'warning' },
  throttled: { label: 'throttled', tone: 'warning' },
  behind: { label: 'behind', tone: 'neutral' },
  paused: { label: 'paused', tone: 'warning' },
  concurrency: { label: 'concurrency', tone: 'neutral' },
  disk_full: { label: 'disk full', tone: 'danger' },
  no_subscriber: { label: 'no subscriber', tone: 'danger' },
}

export function reasonOf(delivery: Delivery) {
  return REASONS[delivery.reason] ?? { label: delivery.reason, tone: 'neutral' as const }
}

/** Why a delivery is not running; times that the host tells in seconds are told as everywhere. */
export const whyOf = (delivery: Delivery) => delivery.why.replace(/(\d+\.\d) s$/, (_, seconds) => formatDuration(Math.round(Number(seconds)) * 1_000))

/** What a queue's numbers count. */
export const COUNTED = {
  ready: 'Due, and not running yet',
  delayed: 'Scheduled, retrying or throttled',
  parked: 'Behind others with the same key or group',
  inFlight: 'Attempts that run, of as many as may',
  oldest: 'Since when the oldest that is ready is due',
  throughput: 'Runs that ended, over the last minute',
  dead: 'Dead letters: all attempts have failed',
}

export const STATES: DeliveryState[] = ['ready', 'scheduled', 'retrying', 'throttled', 'parked', 'leased']

/** A lane for people; the host puts a NUL between its parts. */
export const laneText = (lane: string) => lane.replaceAll('\0', ' / ')

export interface LaneLoad {
  lane: string | null
  running: number
  ready: number
  behind: number
}

const LOADS = { leased: 'running', ready: 'ready', parked: 'behind' } as const

/** How much of each key runs, and how much waits for it; the busiest first. */
export function loadByLane(deliveries: Delivery[]): LaneLoad[] {
  const lanes = new Map<string | null, LaneLoad>()
  for (const { lane, state } of deliveries) {
    if (!(state in LOADS)) continue
    const load = lanes.get(lane) ?? { lane, running: 0, ready: 0, behind: 0 }
    load[LOADS[state as keyof typeof LOADS]] += 1
    lanes.set(lane, load)
  }
  const all = (load: LaneLoad) => load.running + load.ready + load.behind
  return [...lanes.values()].sort((one, other) => all(other) - all(one) || (one.lane ?? '').localeCompare(other.lane ?? ''))
}
