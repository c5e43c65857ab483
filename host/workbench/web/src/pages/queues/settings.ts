import type { JsonObject, QueueSettings, Rate } from '../../api/types.ts'

/** A number that a queue's settings may change. */
export interface NumberSetting {
  kind: 'number'
  name: 'concurrency' | 'maxRetries' | 'keyConcurrency' | 'batchSize'
  label: string
  hint: string
  min: number
  max: number
  /** What the step's config says; null if it says nothing. */
  configured: number | null
  /** What is in force if neither says anything; null if the config must have it first. */
  fallback: number | null
}

/** A rate that a queue's settings may change. */
export interface RateSetting {
  kind: 'rate'
  name: 'throttle' | 'rateLimit'
  label: string
  hint: string
  configured: Rate | null
}

export type Setting = NumberSetting | RateSetting

function at(value: unknown, ...path: string[]): unknown {
  return path.reduce<unknown>((inner, name) => (typeof inner === 'object' && inner !== null ? (inner as JsonObject)[name] : undefined), value)
}

const numberAt = (value: unknown, ...path: string[]) => {
  const found = at(value, ...path)
  return typeof found === 'number' ? found : null
}

const rateAt = (value: unknown, name: string): Rate | null => {
  const limit = numberAt(value, name, 'limit')
  if (limit === null) return null
  const rate = { limit, periodSeconds: numberAt(value, name, 'periodSeconds') ?? 1 }
  const burst = numberAt(value, name, 'burst')
  return burst === null ? rate : { ...rate, burst }
}

/** What can be changed at run time of the queue of a step with this config. */
export function settingsOf(config: JsonObject): Setting[] {
  const queue = at(config, 'infrastructure', 'queue')
  return [
    {
      kind: 'number',
      name: 'concurrency',
      label: 'Concurrency',
      hint: 'Attempts of the step at the same time',
      min: 1,
      max: 10_000,
      configured: numberAt(queue, 'concurrency'),
      fallback: 10,
    },
    {
      kind: 'number',
      name: 'maxRetries',
      label: 'Retries',
      hint: 'Attempts after the first',
      min: 0,
      max: 1000,
      configured: numberAt(queue, 'maxRetries'),
      fallback: 7,
    },
    {
      kind: 'number',
      name: 'keyConcurrency',
      label: 'Key concurrency',
      hint: 'Attempts with the same key at the same time',
      min: 1,
      max: 1000,
      configured: numberAt(queue, 'keyConcurrency', 'limit'),
      fallback: null,
    },
    {
      kind: 'number',
      name: 'batchSize',
      label: 'Batch size',
      hint: 'Events in one call',
      min: 1,
      max: 1000,
      configured: numberAt(queue, 'batch', 'size'),
      fallback: null,
    },
    { kind: 'rate', name: 'throttle', label: 'Throttle', hint: 'First attempts in a period; others wait', configured: rateAt(queue, 'throttle') },
    {
      kind: 'rate',
      name: 'rateLimit',
      label: 'Rate limit',
      hint: 'Events taken in a period; others are dropped',
      configured: rateAt(queue, 'rateLimit'),
    },
  ]
}

/** A setting that was changed at run time. */
export const changedOf = (settings: QueueSettings, setting: Setting) => settings[setting.name] ?? null

export function rateWords({ limit, periodSeconds, burst }: Rate): string {
  const period = periodSeconds === 1 ? 'second' : periodSeconds === 60 ? 'minute' : periodSeconds === 3600 ? 'hour' : `${periodSeconds} s`
  const extra = burst && burst > 1 ? `, ${burst} at once` : ''
  return `${limit.toLocaleString('en')} per ${period}${extra}`
}

/** What is wrong with a number that somebody has typed; undefined if nothing is. */
export function wrongNumber(text: string, min: number, max: number): string | undefined {
  const number = Number(text)
  if (text.trim() !== '' && Number.isInteger(number) && number >= min && number <= max) return undefined
  return `a whole number from ${min} to ${max.toLocaleString('en')}`
}
