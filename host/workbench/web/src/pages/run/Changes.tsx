import { useMemo } from 'react'

import type { Json, Span } from '../../api/types.ts'
import { type Column, DataTable, EmptyState, formatDuration } from '../../ui/index.ts'
import { SpanLabel } from '../../waterfall/labels.tsx'
import { changeOf, isChange, isCut } from '../../waterfall/span.ts'
import styles from './run.module.css'

interface Props {
  /** Grows in place; `version` tells when. */
  spans: readonly Span[]
  version: number
  done: boolean
  opened: number | undefined
  onOpen: (span: number) => void
}

/** What a run has changed in state and streams, and what it has emitted. */
export function Changes({ spans, version, done, opened, onOpen }: Props) {
  const rows = useMemo(() => spans.filter(isChange), [spans, version])
  return (
    <DataTable
      columns={COLUMNS}
      empty={done ? <EmptyState hint="What a step writes to state and streams and emits is listed here." icon="edit" title="The run has changed nothing" /> : undefined}
      getRowId={({ index }) => String(index)}
      label="Changes"
      loading={!done}
      main
      onRowClick={({ index }) => onOpen(index)}
      rows={rows}
      selectedId={opened === undefined ? null : String(opened)}
    />
  )
}

const COLUMNS: Column<Span>[] = [
  { id: 'at', header: 'After', width: '80px', align: 'end', cell: (span) => <span className={styles.quiet}>{formatDuration(span.startUs / 1_000)}</span> },
  { id: 'what', header: 'Change', width: 'minmax(180px, 1fr)', cell: (span) => <SpanLabel span={span} /> },
  { id: 'value', header: 'Value', width: 'minmax(120px, 2fr)', cell: (span) => <code className={styles.preview}>{preview(span)}</code> },
]

const PREVIEW = 200

function preview(span: Span): string {
  const change = changeOf(span, [])
  const value: Json | undefined = change ? change.after : span.detail?.data
  if (value === undefined) return ''
  if (change && value === null) return 'deleted'
  return (isCut(value) ? value : JSON.stringify(value)).slice(0, PREVIEW)
}
