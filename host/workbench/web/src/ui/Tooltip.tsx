import { type ReactNode, useRef, useState } from 'react'

import styles from './Tooltip.module.css'

const DELAY_MS = 350
const GAP = 6

/** Says more about what it surrounds, when the pointer rests on it or it has the focus. */
export function Tooltip({ text, children }: { text: ReactNode; children: ReactNode }) {
  const anchor = useRef<HTMLSpanElement>(null)
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined)
  const [open, setOpen] = useState(false)

  const show = (wait: number) => {
    clearTimeout(timer.current)
    timer.current = setTimeout(() => setOpen(true), wait)
  }
  const hide = () => {
    clearTimeout(timer.current)
    setOpen(false)
  }
  /** The top layer is over every dialog; the bubble is placed as soon as its size is known. */
  const place = (bubble: HTMLSpanElement | null) => {
    if (!bubble || !anchor.current) return
    bubble.showPopover()
    const { left, width, top, bottom } = anchor.current.getBoundingClientRect()
    const size = bubble.getBoundingClientRect()
    const below = bottom + GAP + size.height < innerHeight
    const x = Math.min(Math.max(left + width / 2 - size.width / 2, GAP), innerWidth - size.width - GAP)
    bubble.style.left = `${x}px`
    bubble.style.top = `${below ? bottom + GAP : top - GAP - size.height}px`
  }

  return (
    <span
      className={styles.anchor}
      onBlur={hide}
      onFocus={(event) => event.target.matches(':focus-visible') && show(0)}
      onKeyDown={(event) => event.key === 'Escape' && hide()}
      onPointerDown={hide}
      onPointerEnter={(event) => event.pointerType === 'mouse' && show(DELAY_MS)}
      onPointerLeave={hide}
      ref={anchor}
    >
      {children}
      {open && (
        <span className={styles.bubble} popover="manual" ref={place} role="tooltip">
          {text}
        </span>
      )}
    </span>
  )
}
