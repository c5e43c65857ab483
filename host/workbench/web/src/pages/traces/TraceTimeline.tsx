import { getRouteApi, useNavigate } from '@tanstack/react-router'
import { type ReactNode, useCallback, useDeferredValue, useEffect, useMemo, useState } from 'react'

import { messageOf } from '../../api/change.ts'
import type { Log, Trace } from '../../api/types.ts'
import { groupBy } from '../../group.ts'
import { Badge, Button, Checkbox, classes, EmptyState, Icon, kindColor, kindIcon, StatusBadge, useNow } from '../../ui/index.ts'
import { LogLabel, SpanLabel } from '../../waterfall/labels.tsx'
import { useTraceSpans } from '../../waterfall/span-list.ts'
import { SpanPanel } from '../../waterfall/SpanPanel.tsx'
import { Waterfall } from '../../waterfall/Waterfall.tsx'
import { LogPanel } from '../run/LogPanel.tsx'
import run from '../run/run.module.css'
import { SearchFilter } from '../SearchFilter.tsx'
import { type TraceRow, traceRows } from './rows.ts'
import type { TracesSearch } from './search.ts'
import styles from './traces.module.css'
import { buildTree, emittersOf, type TraceNode } from './tree.ts'

const route = getRouteApi('/traces/$trace')

/** Of traces with so few spans all are shown, and so many are loaded to see who has emitted what waits. */
const SHOWN_AT_ONCE = 300
const LOADED_AT_ONCE = 5_000

const NO_SPANS = () => []

interface Props {
  trace: Trace
  logs: readonly Log[]
}

/** What has caused what, and when: all runs of a trace with their spans and records, and what waits. */
export function TraceTimeline({ trace, logs }: Props) {
  const search = route.useSearch()
  const navigateHere = route.useNavigate()
  const navigate = useNavigate()
  const [closed, setClosed] = useState<ReadonlySet<string>>(new Set())
  const [withLogs, setWithLogs] = useState(false)
  const [log, setLog] = useState<Log>()
  const [spans, version] = useTraceSpans(trace.traceId)
  const clock = useNow()
  const isOver = trace.endedAt !== null
  const startedAt = trace.startedAt ?? clock
  const now = isOver ? (trace.endedAt ?? 0) : trace.running.length > 0 ? clock : waitedUntil(trace, startedAt, clock)
  const total = trace.runs.reduce((sum, { spans: count }) => sum + count, 0)
  const showsSpans = search.spans === undefined ? total <= SHOWN_AT_ONCE : search.spans === 'shown'
  const needsSpans = showsSpans || (trace.waiting.length > 0 && total <= LOADED_AT_ONCE)

  const want = useCallback(() => spans.want(trace.runs.filter((one) => one.spans > 0).map(({ id }) => id)), [spans, trace.runs])
  useEffect(() => {
    if (needsSpans) want()
  }, [needsSpans, want])

  const spansOf = useCallback((id: string) => spans.of(id), [spans, version])
  const roots = useMemo(() => buildTree(trace, emittersOf(trace.waiting.length > 0 ? trace.runs : [], spansOf)), [trace, spansOf])
  const logsOf = useMemo(() => groupBy(withLogs ? logs : [], (one) => one.run), [withLogs, logs])
  const words = useDeferredValue(search.search)
  const rows = useMemo(
    () => traceRows(roots, { startedAt, now, closed, logsOf, search: words, errors: search.errors, hasSpans: showsSpans, spansOf: showsSpans ? spansOf : NO_SPANS }),
    [roots, startedAt, now, closed, logsOf, words, search.errors, showsSpans, spansOf],
  )
  const whole = useMemo(() => {
    const end = rows.reduce((last, { startUs, durationUs }) => Math.max(last, startUs + (durationUs ?? 0)), (now - startedAt) * 1_000)
    const begin = rows.reduce((first, { startUs }) => Math.min(first, startUs), 0)
    return { from: begin, to: Math.max(end, begin + 1_000) }
  }, [rows, now, startedAt])

  const set = (change: TracesSearch) => void navigateHere({ search: (old) => ({ ...old, ...change }), replace: true })
  const select = useCallback(
    (row: TraceRow) => {
      if (row.type === 'run') void navigate({ to: '/runs/$run', params: { run: row.node.id } })
      else if (row.type === 'waiting') void navigate({ to: '/queues', search: { step: row.node.delivery.step, delivery: row.node.delivery.id } })
      else {
        setLog(row.type === 'log' ? row.log : undefined)
        const shown = row.type === 'span' ? { run: row.run, span: row.span.index } : { run: undefined, span: undefined }
        void navigateHere({ search: (old) => ({ ...old, ...shown }), replace: true })
      }
    },
    [navigate, navigateHere],
  )
  const toggle = useCallback((row: TraceRow) => {
    setClosed((before) => {
      const next = new Set(before)
      if (!next.delete(row.id)) next.add(row.id)
      return next
    })
  }, [])

  const opened = search.run !== undefined && search.span !== undefined ? spans.of(search.run).find(({ index }) => index === search.span) : undefined
  const openedRun = trace.runs.find(({ id }) => id === search.run)
  const hasClosed = closed.size > 0
  const toolbar = (
    <>
      <SearchFilter onChange={(value) => set({ search: value })} placeholder="Step, span, topic or text" value={search.search} />
      <Checkbox checked={search.errors ?? false} label="Errors only" onChange={(errors) => set({ errors: errors || undefined })} />
      <Checkbox checked={showsSpans} label="Spans" onChange={(shown) => set({ spans: shown ? 'shown' : 'hidden' })} />
      <Checkbox checked={withLogs} label="Logs" onChange={setWithLogs} />
      <Button onClick={() => setClosed(hasClosed ? new Set() : new Set(withChildren(roots)))} size="small" variant="ghost">
        {hasClosed ? 'Open all' : 'Close all'}
      </Button>
      {showsSpans && spans.loading > 0 && (
        <span className={run.count} role="status">
          Loading spans
        </span>
      )}
      {showsSpans && spans.loading === 0 && spans.error !== null && (
        <span className={run.count} role="alert">
          Some spans could not be loaded: {messageOf(spans.error)}{' '}
          <Button onClick={want} size="small">
            Try again
          </Button>
        </span>
      )}
    </>
  )
  return (
    <div className={run.timeline}>
      <Waterfall
        empty={<EmptyState hint="Other words, or all rows instead of errors only, may find more." icon="filter" title="Nothing matches" />}
        label="Runs, spans and waiting deliveries by cause"
        onSelect={select}
        onToggle={toggle}
        renderLabel={label}
        rows={rows}
        selectedId={log ? `l${log.id}` : opened ? `${search.run}-${opened.index}` : (search.run ?? null)}
        toolbar={toolbar}
        whole={whole}
      />
      {log ? (
        <LogPanel log={log} onClose={() => setLog(undefined)} />
      ) : (
        <SpanPanel
          onClose={() => set({ run: undefined, span: undefined })}
          runUs={openedRun ? (openedRun.endedAt - openedRun.startedAt) * 1_000 : 0}
          span={opened}
          spans={search.run === undefined ? [] : spans.of(search.run)}
          traceId={trace.traceId}
        />
      )}
    </div>
  )
}

/** Where what waits ends while nothing runs: the runs would become too small to be seen if it went on until now. */
function waitedUntil({ runs }: Trace, startedAt: number, clock: number): number {
  const last = runs.reduce((end, { endedAt }) => Math.max(end, endedAt), 0)
  return last === 0 ? clock : Math.min(clock, last + Math.max(last - startedAt, 1) / 2)
}

/** The runs that have something below them. */
function withChildren(roots: readonly TraceNode[]): string[] {
  const found = []
  const stack = [...roots]
  for (let node = stack.pop(); node; node = stack.pop()) {
    if (node.type !== 'run') continue
    found.push(node.id)
    stack.push(...node.children)
  }
  return found
}

function label(row: TraceRow): ReactNode {
  if (row.type === 'span') return <SpanLabel span={row.span} />
  if (row.type === 'log') return <LogLabel log={row.log} />
  if (row.type === 'waiting') {
    const { step, why, reason } = row.node.delivery
    return (
      <span className={styles.label} title={why}>
        <StatusBadge label="" status={reason} />
        <span className={styles.step}>{step}</span>
        <span className={styles.why}>{why}</span>
      </span>
    )
  }
  const { run: one } = row.node
  const status = 'endedAt' in one ? one.status : 'running'
  const error = 'endedAt' in one ? one.error : null
  return (
    <span className={styles.label} title={error?.message ?? `${one.step}: ${status}`}>
      <span className={styles.kind} style={{ '--kind': kindColor(one.kind) }}>
        <Icon name={kindIcon(one.kind)} size={14} />
      </span>
      <span className={classes(styles.step, status === 'failed' && styles.failed)}>{one.step}</span>
      {status === 'running' && <span aria-label="running" className={styles.spinner} role="img" />}
      {one.attempt > 1 && <Badge tone="warning">attempt {one.attempt}</Badge>}
      {status === 'cancelled' ? <Badge>cancelled</Badge> : error && <Badge tone="danger">{error.code}</Badge>}
    </span>
  )
}
