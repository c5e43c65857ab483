import { getRouteApi } from '@tanstack/react-router'
import { type ReactNode, useCallback, useDeferredValue, useMemo, useState } from 'react'

import type { Log, RunDetail, RunningInfo, Span } from '../../api/types.ts'
import { Button, Checkbox, EmptyState, ErrorState, Loading, useNow } from '../../ui/index.ts'
import { LogLabel, SpanLabel } from '../../waterfall/labels.tsx'
import { Waterfall } from '../../waterfall/Waterfall.tsx'
import { SearchFilter } from '../SearchFilter.tsx'
import { LogPanel } from './LogPanel.tsx'
import styles from './run.module.css'
import { firstOf, type TimelineRow, timelineRows, wholeOf } from './timeline.ts'

const route = getRouteApi('/runs/$run')

interface Props {
  run: RunDetail | RunningInfo
  /** Grows in place; `version` tells when. */
  spans: readonly Span[]
  version?: number
  error?: unknown
  /** Loads the spans again. */
  onRetry?: () => void
  logs: readonly Log[]
  opened?: number
  onOpen: (span: number | undefined) => void
}

/** The spans of a run as bars, with what it has logged. */
export function Timeline({ run, spans, version = 0, error, onRetry, logs, opened, onOpen }: Props) {
  const { search, errors } = route.useSearch()
  const navigate = route.useNavigate()
  const [withLogs, setWithLogs] = useState(true)
  const [log, setLog] = useState<Log>()
  const now = useNow()
  const isRunning = !('endedAt' in run)
  const runUs = ((isRunning ? Math.max(now, run.startedAt + 1) : run.endedAt) - run.startedAt) * 1_000
  const words = useDeferredValue(search)
  const waitUs = isRunning ? 0 : (run.startedAt - run.queuedAt) * 1_000
  const whole = useMemo(() => wholeOf(spans, runUs, waitUs), [spans, version, runUs, waitUs])
  const rows = useMemo(() => {
    const found = timelineRows(spans, logs, run.startedAt, { search: words, errors, logs: withLogs })
    return isRunning ? [runningRow(runUs), ...found] : found
  }, [spans, version, logs, run.startedAt, words, errors, withLogs, isRunning, runUs])
  const total = 'spans' in run ? run.spans : 0
  const select = useCallback(
    (row: TimelineRow) => {
      setLog(row.type === 'log' ? row.log : undefined)
      if (row.type !== 'running') onOpen(row.type === 'span' ? row.span.index : undefined)
    },
    // It only sets what is shown.
    [],
  )

  if (error && spans.length === 0) return <ErrorState error={error} retry={onRetry} />
  const isLoading = spans.length < total && !error
  const toolbar = (
    <>
      <SearchFilter onChange={(value) => void navigate({ search: (old) => ({ ...old, search: value }), replace: true })} placeholder="Name, key, topic or text" value={search} />
      <Checkbox
        checked={errors ?? false}
        label="Errors only"
        onChange={(only) => void navigate({ search: (old) => ({ ...old, errors: only || undefined }), replace: true })}
      />
      <Checkbox checked={withLogs} label="Logs" onChange={setWithLogs} />
      <span aria-live="polite" className={styles.count}>
        {spans.length < total ? `${spans.length.toLocaleString('en')} of ${total.toLocaleString('en')} spans` : countWords(rows.length, spans.length + logs.length, search, errors)}
      </span>
      {error !== null && error !== undefined && (
        <Button icon="refresh" onClick={onRetry} size="small" title={error instanceof Error ? error.message : undefined}>
          Load the rest
        </Button>
      )}
    </>
  )
  return (
    <div className={styles.timeline}>
      <Waterfall
        empty={isLoading ? <Loading lines={10} /> : <Nothing isFiltered={search !== undefined || errors === true} total={total} />}
        first={isRunning ? undefined : firstOf(whole)}
        label="Spans and log records by time"
        onSelect={select}
        renderLabel={label}
        rows={rows}
        selectedId={log ? `l${log.id}` : opened === undefined ? null : `s${opened}`}
        toolbar={toolbar}
        whole={whole}
      />
      {opened === undefined && <LogPanel log={log} onClose={() => setLog(undefined)} />}
    </div>
  )
}

const RUNNING: Omit<TimelineRow & { type: 'running' }, 'durationUs'> = { type: 'running', id: 'running', depth: 0, startUs: 0, color: 'var(--info)', state: 'running' }

const runningRow = (durationUs: number): TimelineRow => ({ ...RUNNING, durationUs })

function label(row: TimelineRow): ReactNode {
  if (row.type === 'span') return <SpanLabel span={row.span} />
  return row.type === 'log' ? <LogLabel log={row.log} /> : <span title="Spans are shown when it has ended.">Running</span>
}

function countWords(shown: number, all: number, search: string | undefined, errors: boolean | undefined): string {
  return search === undefined && !errors ? '' : `${shown.toLocaleString('en')} of ${all.toLocaleString('en')}`
}

function Nothing({ isFiltered, total }: { isFiltered: boolean; total: number }) {
  if (isFiltered) return <EmptyState hint="Other words, or all rows instead of errors only, may find more." icon="filter" title="Nothing matches" />
  return <EmptyState hint={total > 0 ? 'They are older than what is kept.' : 'It was recorded without spans.'} icon="layers" title="The run has no spans" />
}
