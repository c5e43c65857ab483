import { useEffect, useState, useSyncExternalStore } from 'react'

/** The value as it was when it last stood still for so long. */
export function useDebounced<T>(value: T, ms = 250): T {
  const [settled, setSettled] = useState(value)
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), ms)
    return () => clearTimeout(timer)
  }, [value, ms])
  return settled
}

/** Whether a media query holds. */
export function useMedia(query: string): boolean {
  return useSyncExternalStore(
    (listener) => {
      const list = matchMedia(query)
      list.addEventListener('change', listener)
      return () => list.removeEventListener('change', listener)
    },
    () => matchMedia(query).matches,
  )
}

/** Whether an element is narrower than so many pixels; until it is there, whether the window is. */
export function useNarrow(element: HTMLElement | null, pixels: number): boolean {
  const [narrow, setNarrow] = useState(() => innerWidth < pixels)
  useEffect(() => {
    if (!element) return
    const observer = new ResizeObserver(([entry]) => entry && setNarrow(entry.contentRect.width < pixels))
    observer.observe(element)
    return () => observer.disconnect()
  }, [element, pixels])
  return narrow
}

const TICK_MS = 1_000
const clock = new Set<() => void>()
let time = Date.now()

setInterval(() => {
  time = Date.now()
  for (const listener of clock) listener()
}, TICK_MS)

function subscribeToClock(listener: () => void): () => void {
  clock.add(listener)
  return () => clock.delete(listener)
}

/** The time, which all who ask are told each second at the same moment. */
export function useNow(): number {
  return useSyncExternalStore(subscribeToClock, () => time)
}
