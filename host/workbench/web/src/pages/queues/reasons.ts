import type { Delivery, DeliveryState } from '../../api/types.ts'

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

export const STATES: DeliveryState[] = ['ready', 'scheduled', 'retrying', 'throttled', 'parked', 'leased']

/** A lane for people; the host puts a NUL between its parts. */
export const laneText = (lane: string) => lane.replaceAll('\0', ' / ')

export interface LaneLoad {
  lane: string | null
  running: number
  behind: number
}

/** How much of each key runs, and how much waits for it; the busiest first. */
export function loadByLane(deliveries: Delivery[]): LaneLoad[] {
  const lanes = new Map<string | null, LaneLoad>()
  for (const { lane, state } of deliveries) {
    if (state !== 'leased' && state !== 'parked') continue
    const load = lanes.get(lane) ?? { lane, running: 0, behind: 0 }
    if (state === 'leased') load.running += 1
    else load.behind += 1
    lanes.set(lane, load)
  }
  return [...lanes.values()].sort((one, other) => other.running + other.behind - one.running - one.behind)
}
