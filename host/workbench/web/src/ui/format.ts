/** How values are written; everything that shows a time, a size or a number uses these. */

const NUMBER = new Intl.NumberFormat('en')
const COMPACT = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 })
const EXACT = new Intl.DateTimeFormat(undefined, {
  year: 'numeric', month: 'short', day: '2-digit', hour: '2-digit', minute: '2-digit', second: '2-digit', fractionalSecondDigits: 3, hourCycle: 'h23',
})
const DAY = new Intl.DateTimeFormat(undefined, { year: 'numeric', month: 'short', day: 'numeric' })

export function formatNumber(n: number): string {
  return NUMBER.format(n)
}

/** 1,234 stays; from 10,000 on it is 12.3K. */
export function formatCount(n: number): string {
  return Math.abs(n) < 10_000 ? NUMBER.format(n) : COMPACT.format(n)
}

export function formatBytes(n: number): string {
  if (n < 1_024) return `${n} B`
  const units = ['KiB', 'MiB', 'GiB', 'TiB']
  const power = Math.min(Math.floor(Math.log2(n) / 10), units.length)
  const size = n / 1_024 ** power
  return `${size.toFixed(size < 10 ? 1 : 0)} ${units[power - 1]}`
}

/** From microseconds to days, with two or three digits. */
export function formatDuration(ms: number): string {
  if (ms < 0) return `-${formatDuration(-ms)}`
  if (ms < 1) return ms === 0 ? '0 ms' : `${Math.max(1, Math.round(ms * 1_000))} µs`
  if (ms < 1_000) return `${ms < 10 ? trimmed(ms, 1) : Math.round(ms)} ms`
  if (ms < 60_000) return `${trimmed(ms / 1_000, ms < 10_000 ? 2 : 1)} s`
  if (ms < 3_600_000) return `${Math.floor(ms / 60_000)}m ${Math.floor((ms % 60_000) / 1_000)}s`
  if (ms < 86_400_000) return `${Math.floor(ms / 3_600_000)}h ${Math.floor((ms % 3_600_000) / 60_000)}m`
  return `${Math.floor(ms / 86_400_000)}d ${Math.floor((ms % 86_400_000) / 3_600_000)}h`
}

function trimmed(n: number, digits: number): string {
  return String(Number(n.toFixed(digits)))
}

export function formatExactTime(at: number): string {
  return EXACT.format(at)
}

/** "5s ago", "in 3m"; a date when it is more than a month away. */
export function formatRelativeTime(at: number, now: number): string {
  const seconds = Math.round((now - at) / 1_000)
  const ago = Math.abs(seconds)
  if (ago < 2) return 'now'
  if (ago > 30 * 86_400) return DAY.format(at)
  const [size, unit] = ago < 60 ? [1, 's'] : ago < 3_600 ? [60, 'm'] : ago < 86_400 ? [3_600, 'h'] : [86_400, 'd']
  const words = `${Math.floor(ago / Number(size))}${unit}`
  return seconds > 0 ? `${words} ago` : `in ${words}`
}
