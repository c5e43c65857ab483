import { useVirtualizer } from '@tanstack/react-virtual'
import { Link } from '@tanstack/react-router'
import { type KeyboardEvent, type MouseEvent, type ReactNode, useCallback, useEffect, useId, useRef, useState } from 'react'

import type { Log } from '../../api/types.ts'
import { Button, classes, CopyButton, formatExactTime, JsonView, Loading, useHotkey } from '../../ui/index.ts'
import styles from './LogList.module.css'

interface LogListProps {
  label: string
  /** In the order in which they are shown. */
  logs: readonly Log[]
  loading?: boolean
  empty: ReactNode
  /** All are of one run, whose step and trace need not be said. */
  ofRun?: boolean
  onEndReached?: () => void
  scrollerRef?: (scroller: HTMLElement | null) => void
  /** Where it can: shows the records of a trace, or of a step, only. */
  onFollow?: (only: { traceId: string } | { step: string }) => void
}

const ROW_HEIGHT = 28
const NEAR_END = 20

/** Log records; one that is opened shows all that was logged. Up, down, `j` and `k` move, Enter opens and closes. */
export function LogList({ label, logs, loading, empty, ofRun, onEndReached, scrollerRef, onFollow }: LogListProps) {
  const id = useId()
  const scroller = useRef<HTMLDivElement>(null)
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set())
  const [activeId, setActiveId] = useState<string>()
  const virtual = useVirtualizer({
    count: logs.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_HEIGHT,
    getItemKey: (index) => logs[index]?.id ?? index,
    overscan: 20,
  })
  const visible = virtual.getVirtualItems()
  // Newest or oldest first: the ends say whether all are of today.
  const isDated = [logs[0], logs.at(-1)].some((log) => log && !isToday(log.at))
  const setScroller = useCallback(
    (element: HTMLDivElement | null) => {
      scroller.current = element
      scrollerRef?.(element)
    },
    [scrollerRef],
  )
  const last = visible.at(-1)?.index ?? 0
  const nearEnd = logs.length > 0 && last >= logs.length - NEAR_END
  useEffect(() => {
    if (nearEnd) onEndReached?.()
  }, [nearEnd, logs.length, onEndReached])

  const toggle = (log: Log) => {
    const next = new Set(open)
    if (!next.delete(log.id)) next.add(log.id)
    setOpen(next)
  }
  const active = Math.max(0, activeId === undefined ? 0 : logs.findIndex((log) => log.id === activeId))
  const moveTo = (index: number) => {
    const target = Math.min(Math.max(index, 0), logs.length - 1)
    setActiveId(logs[target]?.id)
    virtual.scrollToIndex(target)
  }
  const step = (by: number) => {
    const isThere = document.activeElement === scroller.current
    scroller.current?.focus()
    moveTo(isThere ? active + by : active)
  }
  useHotkey('j', () => step(1), 'Next record')
  useHotkey('k', () => step(-1), 'Record before')
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.target !== scroller.current) return
    const page = Math.max(1, Math.floor(scroller.current.clientHeight / ROW_HEIGHT) - 1)
    const target = { ArrowDown: active + 1, ArrowUp: active - 1, PageDown: active + page, PageUp: active - page, Home: 0, End: logs.length - 1 }[event.key]
    const log = logs[active]
    if (target !== undefined) moveTo(target)
    else if (event.key === 'Enter' && log) toggle(log)
    else return
    event.preventDefault()
  }
  const onLine = (event: MouseEvent, log: Log) => {
    setActiveId(log.id)
    const onControl = event.target instanceof Element && event.target.closest('a, button')
    if (!onControl && getSelection()?.type !== 'Range') toggle(log)
  }

  if (loading && logs.length === 0) return <Loading lines={12} />
  if (logs.length === 0) return <div className={styles.none}>{empty}</div>
  return (
    <div
      aria-activedescendant={visible.some(({ index }) => index === active) ? `${id}-${active}` : undefined}
      aria-label={label}
      aria-rowcount={logs.length}
      className={classes(styles.scroll, isDated && styles.dated)}
      onKeyDown={onKeyDown}
      ref={setScroller}
      role="treegrid"
      tabIndex={0}
    >
      <div className={styles.rows} role="rowgroup" style={{ height: virtual.getTotalSize() }}>
        {visible.map(({ index, key, start }) => {
          const log = logs[index]
          if (!log) return null
          const isOpen = open.has(log.id)
          return (
            <div
              aria-expanded={isOpen}
              aria-level={1}
              aria-rowindex={index + 1}
              className={classes(styles.row, styles[log.level], isOpen && styles.isOpen, index === active && styles.active)}
              data-index={index}
              id={`${id}-${index}`}
              key={key}
              ref={virtual.measureElement}
              role="row"
              style={{ transform: `translateY(${start}px)` }}
            >
              <div className={classes(styles.line, ofRun && styles.short)} onClick={(event) => onLine(event, log)} role="gridcell">
                <time className={styles.time} dateTime={new Date(log.at).toISOString()} title={formatExactTime(log.at)}>
                  {clock(log.at)}
                </time>
                <span className={styles.level}>{log.level}</span>
                {!ofRun && <span className={styles.step}>{log.step}</span>}
                <span className={styles.message}>
                  {log.message} {log.args !== null && !isOpen && <span className={styles.args}>{preview(log)}</span>}
                </span>
                {!ofRun && onFollow && (
                  <button className={styles.trace} onClick={() => onFollow({ traceId: log.traceId })} title="Follow this trace" type="button">
                    {log.traceId}
                  </button>
                )}
              </div>
              {isOpen && <Opened log={log} ofRun={ofRun} onFollow={onFollow} />}
            </div>
          )
        })}
      </div>
    </div>
  )
}

function Opened({ log, ofRun, onFollow }: { log: Log } & Pick<LogListProps, 'ofRun' | 'onFollow'>) {
  return (
    <div className={styles.opened} role="gridcell">
      {log.args === null ? <p className={styles.nothing}>Nothing was logged with it.</p> : <JsonView value={log.args} />}
      <div className={styles.actions}>
        {!ofRun && (
          <>
            <Link params={{ run: log.run }} to="/runs/$run">
              Run
            </Link>
            <Link params={{ trace: log.traceId }} to="/traces/$trace">
              Trace
            </Link>
          </>
        )}
        {onFollow && (
          <>
            <Button icon="filter" onClick={() => onFollow({ traceId: log.traceId })} size="small" variant="ghost">
              This trace
            </Button>
            <Button icon="filter" onClick={() => onFollow({ step: log.step })} size="small" variant="ghost">
              This step
            </Button>
          </>
        )}
        <CopyButton label="Copy" text={() => JSON.stringify(log, null, 2)} words />
      </div>
    </div>
  )
}

const PREVIEW = 300

function preview({ args }: Log): string {
  const text = typeof args === 'string' ? args : JSON.stringify(args)
  return text.length > PREVIEW ? `${text.slice(0, PREVIEW)}…` : text
}

const CLOCK = new Intl.DateTimeFormat('en', { hour: '2-digit', minute: '2-digit', second: '2-digit', fractionalSecondDigits: 3, hourCycle: 'h23' })
const DAY_CLOCK = new Intl.DateTimeFormat(undefined, { month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' })

const isToday = (at: number) => new Date(at).toDateString() === new Date().toDateString()

/** Today the time with milliseconds, else with its day. */
function clock(at: number): string {
  return (isToday(at) ? CLOCK : DAY_CLOCK).format(at)
}
