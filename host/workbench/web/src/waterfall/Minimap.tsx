import { type PointerEvent, useEffect, useRef } from 'react'

import styles from './Waterfall.module.css'
import { panned, placed, type Window } from './window.ts'

interface MinimapProps {
  rows: readonly { startUs: number; durationUs: number | null; color: string }[]
  whole: Window
  shown: Window
  onChange: (window: Window) => void
  /** The pointer has let go. */
  onChosen: (window: Window) => void
}

const HEIGHT = 44
const CLICK_PX = 3

/**
 * All rows at once over the whole time. Dragging chooses what the waterfall shows, dragging the chosen part moves it.
 * The keys that zoom do the same, so that it is hidden from screen readers.
 */
export function Minimap({ rows, whole, shown, onChange, onChosen }: MinimapProps) {
  const box = useRef<HTMLDivElement>(null)
  const canvas = useRef<HTMLCanvasElement>(null)

  useEffect(() => {
    const element = canvas.current
    if (!element) return
    let frame = 0
    const draw = () => {
      cancelAnimationFrame(frame)
      frame = requestAnimationFrame(() => paint(element, rows, whole))
    }
    const sizes = new ResizeObserver(draw)
    sizes.observe(element)
    const theme = new MutationObserver(draw)
    theme.observe(document.documentElement, { attributeFilter: ['data-theme'] })
    return () => {
      sizes.disconnect()
      theme.disconnect()
      cancelAnimationFrame(frame)
    }
  }, [rows, whole])

  const timeAt = (x: number) => {
    const { left, width } = box.current!.getBoundingClientRect()
    return whole.from + (Math.min(Math.max(x - left, 0), width) / width) * (whole.to - whole.from)
  }
  const onPointerDown = (event: PointerEvent) => {
    if (event.button !== 0) return
    event.currentTarget.setPointerCapture(event.pointerId)
    const startX = event.clientX
    const start = timeAt(startX)
    const isZoomed = shown.from > whole.from || shown.to < whole.to
    const moves = isZoomed && start >= shown.from && start <= shown.to
    const length = shown.to - shown.from
    let window: Window | null = null
    const target = event.currentTarget
    const controller = new AbortController()
    const onMove = (move: Event) => {
      const x = (move as globalThis.PointerEvent).clientX
      if (!window && Math.abs(x - startX) < CLICK_PX) return
      const at = timeAt(x)
      window = moves ? panned(shown, whole, (at - start) / length) : { from: Math.min(start, at), to: Math.max(start, at) }
      onChange(window)
    }
    const onUp = () => {
      controller.abort()
      if (!window && isZoomed && !moves) onChange(panned(shown, whole, (start - (shown.from + shown.to) / 2) / length))
      if (window) onChosen(window)
    }
    target.addEventListener('pointermove', onMove, controller)
    target.addEventListener('pointerup', onUp, controller)
    target.addEventListener('pointercancel', () => controller.abort(), controller)
  }
  const { left, width } = placed(shown.from, shown.to - shown.from, whole)
  return (
    <div aria-hidden="true" className={styles.minimap} onPointerDown={onPointerDown} ref={box}>
      <canvas className={styles.canvas} ref={canvas} />
      <span className={styles.shade} style={{ left: 0, width: `${left}%` }} />
      <span className={styles.shade} style={{ left: `${left + width}%`, right: 0 }} />
      {width < 100 && <span className={styles.part} style={{ left: `${left}%`, width: `${width}%` }} />}
    </div>
  )
}

function paint(canvas: HTMLCanvasElement, rows: MinimapProps['rows'], { from, to }: Window): void {
  const context = canvas.getContext('2d')
  if (!context) return
  const scale = devicePixelRatio
  const width = canvas.clientWidth * scale
  const height = HEIGHT * scale
  canvas.width = width
  canvas.height = height
  const colors = colorReader(canvas)
  const rowHeight = Math.min(Math.max(height / rows.length, 2 * scale), 3 * scale)
  const perUs = width / (to - from)
  // Of rows that fall on the same pixels, one is enough: bars in a grid of pixels are drawn once.
  let drawn = ''
  rows.forEach(({ startUs, durationUs, color }, index) => {
    const x = Math.floor((startUs - from) * perUs)
    const y = Math.floor((index / rows.length) * (height - rowHeight))
    const length = Math.max(scale, Math.round((durationUs ?? 0) * perUs))
    const place = `${x} ${y} ${length} ${color}`
    if (place === drawn) return
    drawn = place
    context.fillStyle = colors(color)
    context.fillRect(x, y, length, rowHeight)
  })
}

/** A canvas knows no custom properties. */
function colorReader(element: Element): (color: string) => string {
  const style = getComputedStyle(element)
  const known = new Map<string, string>()
  return (color) => {
    const found = known.get(color) ?? (color.startsWith('var(') ? style.getPropertyValue(color.slice(4, -1)).trim() : color)
    known.set(color, found)
    return found
  }
}
