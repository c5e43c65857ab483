import { formatBytes, formatCount, formatDuration, formatExactTime, formatNumber, formatRelativeTime } from './format.ts'
import { useNow } from './hooks.ts'

/** How long ago, with the exact time in the title. */
export function Time({ at }: { at: number | null | undefined }) {
  const now = useNow()
  if (at === null || at === undefined) return <span>-</span>
  return (
    <time dateTime={new Date(at).toISOString()} title={formatExactTime(at)}>
      {formatRelativeTime(at, Math.max(now, Math.min(at, Date.now())))}
    </time>
  )
}

export function Duration({ ms }: { ms: number | null | undefined }) {
  if (ms === null || ms === undefined) return <span>-</span>
  return <span title={`${formatNumber(ms)} ms`}>{formatDuration(ms)}</span>
}

export function Bytes({ n }: { n: number }) {
  return <span title={`${formatNumber(n)} bytes`}>{formatBytes(n)}</span>
}

export function Count({ n }: { n: number }) {
  return <span title={formatNumber(n)}>{formatCount(n)}</span>
}
