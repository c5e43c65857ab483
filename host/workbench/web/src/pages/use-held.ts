import { useEffect, useState } from 'react'

import type { LiveList } from '../live-list.ts'

/** Somebody who has scrolled so far reads. */
const AT_TOP_PX = 8

interface Held {
  /** Of the element that scrolls. */
  scrollerRef: (scroller: HTMLElement | null) => void
  /** Shows the new rows. */
  show: () => void
}

/** Holds a live list while somebody reads: has scrolled, has paused it, or has chosen rows. */
export function useHeld<Row extends { id: string }>(list: LiveList<Row>, paused: boolean): Held {
  const [scroller, setScroller] = useState<HTMLElement | null>(null)
  const [scrolled, setScrolled] = useState(false)
  useEffect(() => {
    if (!scroller) return
    const look = () => setScrolled(scroller.scrollTop > AT_TOP_PX)
    look()
    scroller.addEventListener('scroll', look, { passive: true })
    return () => scroller.removeEventListener('scroll', look)
  }, [scroller])
  useEffect(() => list.hold(scrolled || paused), [list, scrolled, paused])

  const show = () => {
    scroller?.scrollTo({ top: 0 })
    list.hold(false)
    list.hold(paused)
  }
  return { scrollerRef: setScroller, show }
}
