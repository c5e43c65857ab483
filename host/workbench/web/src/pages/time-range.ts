/** Times in URLs: a length such as `15m`, counted back from now, or milliseconds since 1970. */

const UNITS: Record<string, number> = { m: 60_000, h: 3_600_000, d: 86_400_000 }

/** What is offered; any other length is understood as well. */
export const PRESETS = [
  { value: '5m', label: 'Last 5 minutes' },
  { value: '15m', label: 'Last 15 minutes' },
  { value: '1h', label: 'Last hour' },
  { value: '24h', label: 'Last 24 hours' },
  { value: '7d', label: 'Last 7 days' },
]

export interface TimeRange {
  since?: string
  until?: string
}

/** The point in time; undefined if there is none, or the text is no time. */
export function timeOf(text: string | undefined, now: number): number | undefined {
  if (!text) return undefined
  const [, count, unit = ''] = /^(\d+)([mhd])$/.exec(text) ?? []
  if (count) return now - Number(count) * (UNITS[unit] ?? 0)
  const time = /^\d+$/.test(text) ? Number(text) : Date.parse(text)
  return Number.isFinite(time) ? time : undefined
}

/** As `<input type="datetime-local">` has it, in the browser's time zone. */
export function toLocal(time: number | undefined): string {
  if (time === undefined) return ''
  const shifted = new Date(time - new Date(time).getTimezoneOffset() * 60_000)
  return shifted.toISOString().slice(0, 19)
}

/** What such an input has; undefined if nothing. */
export function fromLocal(value: string): string | undefined {
  const time = Date.parse(value)
  return Number.isNaN(time) ? undefined : String(time)
}

const DAY = new Intl.DateTimeFormat(undefined, { month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' })

/** A range for people. */
export function rangeWords({ since, until }: TimeRange, now: number): string {
  const preset = !until && PRESETS.find(({ value }) => value === since)
  if (preset) return preset.label
  const [from, to] = [timeOf(since, now), timeOf(until, now)].map((time) => time !== undefined && DAY.format(time))
  if (from && to) return `${from} - ${to}`
  if (from) return `Since ${from}`
  return to ? `Until ${to}` : 'Any time'
}
