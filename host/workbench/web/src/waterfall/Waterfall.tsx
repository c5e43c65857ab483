import { useVirtualizer } from '@tanstack/react-virtual'
import { type KeyboardEvent, memo, type PointerEvent, type ReactNode, type Ref, useEffect, useEffectEvent, useId, useMemo, useRef, useState } from 'react'

import { classes, formatDuration, Icon, IconButton, useHotkey } from '../ui/index.ts'
import { Minimap } from './Minimap.tsx'
import styles from './Waterfall.module.css'
import { clamped, isWhole, panned, placed, ticks, type Window, zoomed } from './window.ts'

/** A line of a waterfall; times are microseconds from its beginning. */
export interface Row {
  id: string
  depth: number
  startUs: number
  /** None: a moment. */
  durationUs: number | null
  /** A CSS value. */
  color: string
  state: 'ended' | 'running' | 'waiting'
  /** Whether what is below it is shown; undefined where nothing can be. */
  open?: boolean
}

export interface WaterfallProps<R extends Row> {
  label: string
  /** In the order in which they are shown. The functions below should stay the same, so that rows are rendered once. */
  rows: readonly R[]
  /** All of the time; the minimap shows it. */
  whole: Window
  /** What is shown at first. */
  first?: Window
  selectedId?: string | null
  onSelect: (row: R) => void
  onToggle?: (row: R) => void
  renderLabel: (row: R) => ReactNode
  /** What stands over the bars, left of the buttons that zoom. */
  toolbar?: ReactNode
  empty: ReactNode
}

const ROW_HEIGHT = 28
const HEAD_HEIGHT = 28
/** Pointers that move less have clicked. */
const CLICK_PX = 4
/** Deeper levels are not indented any more. */
const DEEPEST = 14

/**
 * Bars along a time, of any number: only the rows in sight exist. Dragging over the bars zooms in, as do Ctrl with the
 * wheel and `+`; `-` and `0` zoom out. Up, down, `j` and `k` move, Enter opens, left and right close and open what is below.
 */
export function Waterfall<R extends Row>(props: WaterfallProps<R>) {
  const { label, rows, whole, first = whole, selectedId, onSelect, onToggle, renderLabel, toolbar, empty } = props
  const id = useId()
  const scroller = useRef<HTMLDivElement>(null)
  const axis = useRef<HTMLDivElement>(null)
  const dragged = useRef(false)
  const [chosen, setChosen] = useState<Window | null>(first === whole ? null : first)
  const [active, setActive] = useState(0)
  const [drag, setDrag] = useState<{ from: number; to: number } | null>(null)
  const shown = useMemo(() => (chosen ? clamped(chosen, whole) : whole), [chosen, whole])
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_HEIGHT,
    overscan: 10,
    // The rows begin below the head.
    scrollPaddingEnd: HEAD_HEIGHT,
  })

  const zoomTo = (window: Window) => setChosen(isWhole(window, whole) ? null : clamped(window, whole))
  const zoom = (factor: number) => zoomTo(zoomed(shown, whole, factor))
  /** The first row that begins in the window. */
  const scrollInto = (window: Window) => {
    const index = rows.findIndex(({ startUs, durationUs }) => startUs >= window.from && startUs + (durationUs ?? 0) <= window.to)
    if (index >= 0) virtual.scrollToIndex(index, { align: 'start' })
  }
  const zoomInto = (window: Window) => {
    zoomTo(window)
    scrollInto(clamped(window, whole))
  }

  /** The time at a place of the screen; null over the labels. */
  const timeAt = (x: number): number | null => {
    const track = axis.current?.getBoundingClientRect()
    if (!track || x < track.left) return null
    return shown.from + (Math.min(x - track.left, track.width) / track.width) * (shown.to - shown.from)
  }
  const onWheel = useEffectEvent((event: WheelEvent) => {
    if (event.ctrlKey || event.metaKey) {
      event.preventDefault()
      zoomTo(zoomed(shown, whole, Math.exp(event.deltaY * 0.0025), timeAt(event.clientX) ?? undefined))
    } else if (chosen && (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY))) {
      event.preventDefault()
      zoomTo(panned(shown, whole, (event.shiftKey ? event.deltaX || event.deltaY : event.deltaX) / 800))
    }
  })
  const isEmpty = rows.length === 0
  useEffect(() => {
    // React listens passively, which cannot keep the page from zooming.
    const element = scroller.current
    const listener = (event: WheelEvent) => onWheel(event)
    element?.addEventListener('wheel', listener, { passive: false })
    return () => element?.removeEventListener('wheel', listener)
  }, [isEmpty])

  const onPointerDown = (event: PointerEvent) => {
    // Fingers scroll.
    if (event.button !== 0 || event.pointerType === 'touch') return
    const from = timeAt(event.clientX)
    const startX = event.clientX
    if (from === null || startX > (axis.current?.getBoundingClientRect().right ?? 0)) return
    let moved = false
    const controller = new AbortController()
    const end = () => {
      controller.abort()
      setDrag(null)
    }
    const range = (x: number) => {
      const to = timeAt(x) ?? shown.from
      return { from: Math.min(from, to), to: Math.max(from, to) }
    }
    const onMove = (move: globalThis.PointerEvent) => {
      moved ||= Math.abs(move.clientX - startX) > CLICK_PX
      if (moved) setDrag(range(move.clientX))
    }
    const onUp = (up: globalThis.PointerEvent) => {
      end()
      if (!moved) return
      zoomInto(range(up.clientX))
      // The click that follows was not meant for a row.
      dragged.current = true
      setTimeout(() => (dragged.current = false))
    }
    addEventListener('pointermove', onMove, controller)
    addEventListener('pointerup', onUp, controller)
    addEventListener('pointercancel', end, controller)
  }

  const moveTo = (index: number) => {
    const target = Math.min(Math.max(index, 0), rows.length - 1)
    setActive(target)
    virtual.scrollToIndex(target)
  }
  const step = (by: number) => {
    scroller.current?.focus()
    moveTo(active + by)
  }
  useHotkey('j', () => step(1), 'Next row')
  useHotkey('k', () => step(-1), 'Row before')
  useHotkey('+', () => zoom(0.5), 'Zoom in')
  useHotkey('-', () => zoom(2), 'Zoom out')
  useHotkey('0', () => setChosen(null), 'Show the whole time')
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.target !== scroller.current) return
    const page = Math.max(1, Math.floor(scroller.current.clientHeight / ROW_HEIGHT) - 2)
    const target = { ArrowDown: active + 1, ArrowUp: active - 1, PageDown: active + page, PageUp: active - page, Home: 0, End: rows.length - 1 }[event.key]
    const row = rows[active]
    if (target !== undefined) moveTo(target)
    else if (event.key === 'Enter' && row) onSelect(row)
    else if (event.key === 'ArrowRight' && row?.open === false) onToggle?.(row)
    else if (event.key === 'ArrowLeft' && row?.open === true) onToggle?.(row)
    else return
    event.preventDefault()
  }

  const visible = virtual.getVirtualItems()
  const isActiveShown = visible.some(({ index }) => index === active)
  const buttons = (
    <span className={styles.zoom}>
      <IconButton disabled={!chosen} icon="fit" label="Show the whole time (0)" onClick={() => setChosen(null)} size="small" />
      <IconButton disabled={!chosen} icon="minus" label="Zoom out (-)" onClick={() => zoom(2)} size="small" />
      <IconButton icon="plus" label="Zoom in (+)" onClick={() => zoom(0.5)} size="small" />
    </span>
  )
  return (
    <div className={styles.waterfall}>
      <div className={styles.toolbar}>
        {toolbar}
        {buttons}
      </div>
      <Minimap onChange={zoomTo} onChosen={scrollInto} rows={rows} shown={shown} whole={whole} />
      {isEmpty ? (
        <div className={styles.empty}>{empty}</div>
      ) : (
        <div
          aria-activedescendant={isActiveShown ? `${id}-${active}` : undefined}
          aria-label={label}
          aria-rowcount={rows.length}
          className={styles.scroll}
          onClickCapture={(event) => dragged.current && event.stopPropagation()}
          onKeyDown={onKeyDown}
          onPointerDown={onPointerDown}
          ref={scroller}
          role="treegrid"
          tabIndex={0}
        >
          <div aria-hidden="true" className={styles.head}>
            <span className={styles.headLabel} />
            <Axis drag={drag} ref={axis} window={shown} />
          </div>
          <div className={styles.rows} role="rowgroup" style={{ height: virtual.getTotalSize() }}>
            <Lines drag={drag} window={shown} />
            {visible.map(({ index, start }) => {
              const row = rows[index]
              if (!row) return null
              return (
                <Line
                  id={`${id}-${index}`}
                  index={index}
                  isActive={index === active}
                  isSelected={row.id === selectedId}
                  key={row.id}
                  onActivate={setActive}
                  onSelect={onSelect as (row: Row) => void}
                  onToggle={onToggle as ((row: Row) => void) | undefined}
                  renderLabel={renderLabel as (row: Row) => ReactNode}
                  row={row}
                  start={start}
                  window={shown}
                />
              )
            })}
          </div>
        </div>
      )}
    </div>
  )
}

interface LineProps {
  id: string
  index: number
  row: Row
  start: number
  window: Window
  isActive: boolean
  isSelected: boolean
  onActivate: (index: number) => void
  onSelect: (row: Row) => void
  onToggle: ((row: Row) => void) | undefined
  renderLabel: (row: Row) => ReactNode
}

const Line = memo(function Line({ id, index, row, start, window, isActive, isSelected, onActivate, onSelect, onToggle, renderLabel }: LineProps) {
  const names = classes(styles.row, isActive && styles.active, isSelected && styles.selected)
  return (
    <div
      aria-expanded={row.open}
      aria-level={row.depth + 1}
      aria-rowindex={index + 1}
      aria-selected={isSelected}
      className={names}
      id={id}
      onClick={() => {
        onActivate(index)
        onSelect(row)
      }}
      role="row"
      style={{ transform: `translateY(${start}px)` }}
    >
      <div className={styles.label} role="gridcell" style={{ '--depth': Math.min(row.depth, DEEPEST) }}>
        {row.open === undefined ? (
          <span className={styles.leaf} />
        ) : (
          <button
            aria-label={row.open ? 'Close' : 'Open'}
            className={classes(styles.toggle, row.open && styles.open)}
            onClick={(event) => {
              event.stopPropagation()
              onToggle?.(row)
            }}
            tabIndex={-1}
            type="button"
          >
            <Icon name="chevronRight" size={12} />
          </button>
        )}
        {renderLabel(row)}
      </div>
      <div className={styles.track} role="gridcell">
        <Bar row={row} window={window} />
      </div>
    </div>
  )
})

function Bar({ row: { startUs, durationUs, color, state }, window }: { row: Row; window: Window }) {
  const { left, width, beyond } = placed(startUs, durationUs ?? 0, window)
  if (beyond) {
    return (
      <span className={classes(styles.beyond, beyond === 'right' && styles.right)} style={{ '--color': color }}>
        <Icon name={beyond === 'left' ? 'chevronLeft' : 'chevronRight'} size={12} />
      </span>
    )
  }
  if (durationUs === null) return <span className={styles.moment} style={{ '--color': color, left: `${left}%` }} />
  const words = state === 'waiting' ? '' : formatDuration(durationUs / 1_000)
  // The words stand where there is room for them.
  const side = left + width < 80 ? { left: `calc(${left + width}% + 6px)` } : left > 20 ? { right: `calc(${100 - left}% + 6px)` } : { right: `calc(${100 - left - width}% + 6px)` }
  const isWithin = left + width >= 80 && left <= 20
  return (
    <>
      <span className={classes(styles.bar, styles[state])} style={{ '--color': color, left: `${left}%`, width: `${width}%` }} />
      <span className={classes(styles.words, isWithin && styles.within)} style={side}>
        {words}
      </span>
    </>
  )
}

interface LinesProps {
  window: Window
  drag: Window | null
}

const TICKS = 6
/** From here on, in percent, the words of a tick would not fit beside it; on small screens from the other. */
const LAST_TICK = 92
const LAST_NARROW_TICK = 80

/** What the rows stand on: a line for each tick, and what is being chosen. */
function Lines({ window, drag }: LinesProps) {
  return (
    <div aria-hidden="true" className={styles.lines}>
      {ticks(window, TICKS).map((at) => (
        <span className={classes(styles.line, at === 0 && styles.zero)} key={at} style={{ left: `${placed(at, 0, window).left}%` }} />
      ))}
      {drag && <span className={styles.drag} style={between(drag, window)} />}
    </div>
  )
}

function Axis({ window, drag, ref }: LinesProps & { ref: Ref<HTMLDivElement> }) {
  return (
    <div className={styles.axis} ref={ref}>
      {ticks(window, TICKS).map((at) => {
        const { left } = placed(at, 0, window)
        if (left > LAST_TICK) return null
        return (
          <span className={classes(styles.tick, left > LAST_NARROW_TICK && styles.wide)} key={at} style={{ left: `${left}%` }}>
            {at === 0 ? '0' : formatDuration(at / 1_000)}
          </span>
        )
      })}
      {drag && (
        <span className={styles.drag} style={between(drag, window)}>
          <span className={styles.dragWords}>{formatDuration((drag.to - drag.from) / 1_000)}</span>
        </span>
      )}
    </div>
  )
}

function between(part: Window, window: Window) {
  const { left, width } = placed(part.from, part.to - part.from, window)
  return { left: `${left}%`, width: `${width}%` }
}
