/** What a queue's throughput is computed from: how many runs of each step have ended since the host's start. */
export interface EndedCounts {
  at: number
  steps: Record<string, { succeeded: number; failed: number; cancelled: number }>
}

const WINDOW_MS = 60_000

/** Runs that ended in a second, over the last minute of figures. */
export class Throughput {
  private samples: { at: number; ended: Map<string, number> }[] = []

  add(figures: EndedCounts) {
    const newest = this.samples.at(-1)
    if (newest && figures.at <= newest.at) return
    const ended = new Map<string, number>()
    for (const [step, counts] of Object.entries(figures.steps)) {
      ended.set(step, counts.succeeded + counts.failed + counts.cancelled)
    }
    // Counts that fell: the host was started again, and what was before says nothing.
    const restarted = newest && [...ended].some(([step, count]) => count < (newest.ended.get(step) ?? 0))
    if (restarted) this.samples = []
    this.samples.push({ at: figures.at, ended })
    while (this.samples.length > 2 && this.samples[1]!.at <= figures.at - WINDOW_MS) this.samples.shift()
  }

  /** Null until there are figures of two moments. */
  perSecond(step: string): number | null {
    const oldest = this.samples[0]
    const newest = this.samples.at(-1)
    if (!oldest || !newest || newest.at - oldest.at < 900) return null
    const ended = (newest.ended.get(step) ?? 0) - (oldest.ended.get(step) ?? 0)
    return (ended * 1000) / (newest.at - oldest.at)
  }
}

/** `0.4/s`, `12/s`, and by the minute where that says more. */
export function rateText(perSecond: number | null): string {
  if (perSecond === null) return '–'
  if (perSecond === 0) return '0/s'
  if (perSecond < 0.1) return `${Math.max(1, Math.round(perSecond * 60))}/min`
  return `${perSecond < 10 ? perSecond.toFixed(1) : Math.round(perSecond).toLocaleString('en')}/s`
}
