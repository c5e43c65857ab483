/** A part of the time that a waterfall shows, in microseconds. */
export interface Window {
  from: number
  to: number
}

/** Less than this is not worth looking at. */
const SMALLEST_US = 5

export function clamped(window: Window, whole: Window): Window {
  const length = Math.min(Math.max(window.to - window.from, SMALLEST_US), Math.max(whole.to - whole.from, SMALLEST_US))
  const from = Math.min(Math.max(window.from, whole.from), whole.to - length)
  return { from, to: from + length }
}

/** Closer or, with a factor above 1, farther, so that the time at `at` stays where it is. */
export function zoomed(window: Window, whole: Window, factor: number, at = (window.from + window.to) / 2): Window {
  return clamped({ from: at - (at - window.from) * factor, to: at + (window.to - at) * factor }, whole)
}

/** By a share of the window's length. */
export function panned(window: Window, whole: Window, share: number): Window {
  const by = (window.to - window.from) * share
  const length = window.to - window.from
  const from = Math.min(Math.max(window.from + by, whole.from), Math.max(whole.from, whole.to - length))
  return { from, to: from + length }
}

export const isWhole = (window: Window, whole: Window) => window.from <= whole.from && window.to >= whole.to

/** Where a bar is, in percent of the window. */
export interface Place {
  left: number
  width: number
  /** Out of the window on this side; the bar is not to be seen. */
  beyond: 'left' | 'right' | null
}

export function placed(startUs: number, durationUs: number, { from, to }: Window): Place {
  const end = startUs + durationUs
  const beyond = end < from ? 'left' : startUs > to ? 'right' : null
  const percent = (at: number) => ((Math.min(Math.max(at, from), to) - from) / (to - from)) * 100
  return { left: percent(startUs), width: percent(end) - percent(startUs), beyond }
}

/** Times at round distances, at most so many. */
export function ticks({ from, to }: Window, most: number): number[] {
  const distance = niceDistance((to - from) / Math.max(most, 1))
  const times = []
  for (let at = Math.ceil(from / distance) * distance; at <= to; at += distance) times.push(at)
  return times
}

/** The next of 1, 2, 5, 10, 20 … microseconds; from a minute on round in minutes and hours. */
function niceDistance(least: number): number {
  const clock = [60e6, 120e6, 300e6, 600e6, 1_800e6, 3_600e6, 7_200e6, 21_600e6, 43_200e6, 86_400e6]
  if (least > 30e6) return clock.find((distance) => distance >= least) ?? Math.ceil(least / 86_400e6) * 86_400e6
  const power = 10 ** Math.floor(Math.log10(Math.max(least, 1)))
  return power * ([1, 2, 5, 10].find((factor) => factor * power >= least) ?? 10)
}
