import { useVirtualizer } from '@tanstack/react-virtual'
import { type KeyboardEvent, type MouseEvent, type ReactNode, useCallback, useEffect, useId, useMemo, useRef, useState } from 'react'

import { classes } from './classes.ts'
import styles from './DataTable.module.css'
import { Checkbox } from './Fields.tsx'
import { useNarrow } from './hooks.ts'
import { useHotkey } from './hotkeys.ts'
import { Icon } from './icons.tsx'

export interface Column<Row> {
  id: string
  header: ReactNode
  cell: (row: Row) => ReactNode
  /** A track of a CSS grid such as `120px` or `minmax(160px, 2fr)`; `minmax(80px, 1fr)` if not said. */
  width?: string
  align?: 'start' | 'end'
  /** What rows are sorted by; without it the header is no button. */
  sort?: (row: Row) => string | number | null
  /** Is left out where the table is narrow: on small screens, or beside a panel. */
  wideOnly?: boolean
}

export interface DataTableProps<Row> {
  /** The table's name for screen readers. */
  label: string
  columns: readonly Column<Row>[]
  rows: readonly Row[]
  getRowId: (row: Row) => string
  onRowClick?: (row: Row) => void
  selectedId?: string | null
  rowHeight?: number
  /** There are no rows yet: lines of the same height stand in for them. */
  loading?: boolean
  /** What is shown instead of rows. */
  empty?: ReactNode
  /** The last rows are near. */
  onEndReached?: () => void
  /** Rows with a tick; with it each row has a checkbox. */
  selection?: ReadonlySet<string>
  onSelectionChange?: (selection: Set<string>) => void
  /** It is what the page is about: `j` and `k` move in it from everywhere. */
  main?: boolean
  /** Is given the element that scrolls. */
  scrollerRef?: (scroller: HTMLDivElement | null) => void
}

interface Sorting {
  column: string
  descending: boolean
}

const SKELETONS = 12
const HEAD_HEIGHT = 32
/** So many rows before the end, more are asked for. */
const NEAR_END = 20

/**
 * A table of any length: only the rows in sight exist. It fills its parent and scrolls by itself. The keyboard: up, down,
 * page keys, home and end move, Enter opens, Space ticks.
 */
export function DataTable<Row>(props: DataTableProps<Row>) {
  const { label, columns, rows, getRowId, onRowClick, selectedId, rowHeight = 36, loading, empty, onEndReached, selection, onSelectionChange, main, scrollerRef } = props
  const id = useId()
  const [table, setTable] = useState<HTMLDivElement | null>(null)
  const narrow = useNarrow(table, 700)
  const scroller = useRef<HTMLDivElement>(null)
  const setScroller = useCallback(
    (element: HTMLDivElement | null) => {
      scroller.current = element
      scrollerRef?.(element)
    },
    [scrollerRef],
  )
  const [sorting, setSorting] = useState<Sorting | null>(null)
  const [activeRowAt, setActive] = useState<{ index: number; id: string | undefined }>({ index: 0, id: undefined })

  const shown = useMemo(() => columns.filter((column) => !narrow || !column.wideOnly), [columns, narrow])
  const sorted = useMemo(() => sortedRows(rows, columns, sorting), [rows, columns, sorting])
  const active = useMemo(() => indexOfRow(sorted, getRowId, activeRowAt), [sorted, getRowId, activeRowAt])
  const isSkeleton = loading === true && rows.length === 0
  const count = isSkeleton ? SKELETONS : sorted.length
  const virtual = useVirtualizer({
    count,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowHeight,
    overscan: 12,
    // The rows begin below the head.
    scrollPaddingEnd: HEAD_HEIGHT,
  })
  const visible = virtual.getVirtualItems()
  const template = [selection ? '18px' : '', ...shown.map((column) => column.width ?? 'minmax(80px, 1fr)')].join(' ')

  const last = visible.at(-1)?.index ?? 0
  const nearEnd = !isSkeleton && sorted.length > 0 && last >= sorted.length - NEAR_END
  useEffect(() => {
    if (nearEnd) onEndReached?.()
  }, [nearEnd, sorted.length, onEndReached])

  const tick = (rowId: string) => {
    const ticked = new Set(selection)
    if (!ticked.delete(rowId)) ticked.add(rowId)
    onSelectionChange?.(ticked)
  }
  const moveTo = (index: number) => {
    const target = Math.min(Math.max(index, 0), sorted.length - 1)
    const row = sorted[target]
    setActive({ index: target, id: row && getRowId(row) })
    virtual.scrollToIndex(target)
  }
  const step = (by: number) => {
    // The first press only shows where one is.
    const isThere = document.activeElement === scroller.current
    scroller.current?.focus()
    moveTo(isThere ? active + by : active)
  }
  useHotkey(main ? 'j' : '', () => step(1), main ? 'Next row' : '')
  useHotkey(main ? 'k' : '', () => step(-1), main ? 'Row before' : '')
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.target !== scroller.current) return
    const page = Math.max(1, Math.floor((scroller.current?.clientHeight ?? 0) / rowHeight) - 1)
    const targets: Record<string, number> = {
      ArrowDown: active + 1,
      ArrowUp: active - 1,
      PageDown: active + page,
      PageUp: active - page,
      Home: 0,
      End: sorted.length - 1,
    }
    const target = targets[event.key]
    const row = sorted[active]
    if (target !== undefined) moveTo(target)
    else if (event.key === 'Enter' && row) onRowClick?.(row)
    else if (event.key === ' ' && selection && row) tick(getRowId(row))
    else return
    event.preventDefault()
  }
  const onRow = (event: MouseEvent, row: Row, index: number) => {
    setActive({ index, id: getRowId(row) })
    const onControl = event.target instanceof Element && event.target.closest('a, button, input, label, select')
    if (!onControl && getSelection()?.type !== 'Range') onRowClick?.(row)
  }

  if (!isSkeleton && sorted.length === 0 && empty) return <div className={classes(styles.table, styles.none)}>{empty}</div>

  const allTicked = selection !== undefined && sorted.length > 0 && sorted.every((row) => selection.has(getRowId(row)))
  const activeRow = sorted[active]
  return (
    <div className={styles.table} ref={setTable}>
      <div
        aria-activedescendant={activeRow && visible.some((item) => item.index === active) ? `${id}-${active}` : undefined}
        aria-busy={isSkeleton}
        aria-label={label}
        aria-multiselectable={selection ? true : undefined}
        aria-rowcount={sorted.length + 1}
        className={styles.scroll}
        onKeyDown={onKeyDown}
        ref={setScroller}
        role="grid"
        tabIndex={0}
      >
        <div className={styles.inner} role="presentation">
          <div className={styles.headGroup} role="rowgroup">
            <div aria-rowindex={1} className={styles.head} role="row" style={{ gridTemplateColumns: template }}>
              {selection && (
                <span role="columnheader">
                  <Checkbox
                    checked={allTicked}
                    hideLabel
                    indeterminate={!allTicked && selection.size > 0}
                    label="All rows"
                    onChange={(all) => onSelectionChange?.(new Set(all ? sorted.map(getRowId) : []))}
                  />
                </span>
              )}
              {shown.map((column) => (
                <HeaderCell column={column} key={column.id} onSort={setSorting} rows={rows} sorting={sorting} />
              ))}
            </div>
          </div>
          <div className={styles.rows} role="rowgroup" style={{ height: virtual.getTotalSize() }}>
            {visible.map(({ index, start }) => {
              const row = sorted[index]
              const style = { gridTemplateColumns: template, height: rowHeight, transform: `translateY(${start}px)` }
              if (isSkeleton || row === undefined) return <Skeleton columns={shown.length} key={index} style={style} />
              const rowId = getRowId(row)
              const names = classes(
                styles.row,
                onRowClick && styles.clickable,
                index === active && styles.active,
                rowId === selectedId && styles.selected,
              )
              return (
                <div
                  aria-rowindex={index + 2}
                  aria-selected={selection ? selection.has(rowId) : rowId === selectedId}
                  className={names}
                  id={`${id}-${index}`}
                  key={rowId}
                  onClick={(event) => onRow(event, row, index)}
                  role="row"
                  style={style}
                >
                  {selection && (
                    <span role="gridcell">
                      <Checkbox checked={selection.has(rowId)} hideLabel label="This row" onChange={() => tick(rowId)} />
                    </span>
                  )}
                  {shown.map((column) => (
                    <div className={classes(styles.cell, column.align === 'end' && styles.end)} key={column.id} role="gridcell">
                      {column.cell(row)}
                    </div>
                  ))}
                </div>
              )
            })}
          </div>
        </div>
      </div>
    </div>
  )
}

/** Where a row is now that others may have come before it. */
function indexOfRow<Row>(rows: readonly Row[], getRowId: (row: Row) => string, { index, id }: { index: number; id: string | undefined }): number {
  const row = rows[index]
  if (id === undefined || (row && getRowId(row) === id)) return index
  const found = rows.findIndex((other) => getRowId(other) === id)
  return found < 0 ? Math.min(index, Math.max(rows.length - 1, 0)) : found
}

function Skeleton({ columns, style }: { columns: number; style: Record<string, string | number> }) {
  return (
    <div className={styles.row} role="row" style={style}>
      {Array.from({ length: columns }, (_, index) => (
        <span key={index} role="gridcell">
          <span className={styles.bar} />
        </span>
      ))}
    </div>
  )
}

interface HeaderCellProps<Row> {
  column: Column<Row>
  rows: readonly Row[]
  sorting: Sorting | null
  onSort: (sorting: Sorting | null) => void
}

function HeaderCell<Row>({ column, rows, sorting, onSort }: HeaderCellProps<Row>) {
  const mine = sorting?.column === column.id ? sorting : null
  const names = classes(styles.cell, column.align === 'end' && styles.end)
  if (!column.sort) {
    return (
      <div className={names} role="columnheader">
        {column.header}
      </div>
    )
  }
  // Of numbers, who sorts wants to see the largest; of names the first.
  const first = rows.some((row) => typeof column.sort?.(row) === 'number')
  const next = () => {
    if (!mine) onSort({ column: column.id, descending: first })
    else if (mine.descending === first) onSort({ column: column.id, descending: !first })
    else onSort(null)
  }
  return (
    <div aria-sort={mine ? (mine.descending ? 'descending' : 'ascending') : 'none'} className={names} role="columnheader">
      <button className={styles.sort} onClick={next} type="button">
        {column.header}
        {mine && <Icon name={mine.descending ? 'arrowDown' : 'arrowUp'} size={11} />}
      </button>
    </div>
  )
}

function sortedRows<Row>(rows: readonly Row[], columns: readonly Column<Row>[], sorting: Sorting | null): readonly Row[] {
  const key = columns.find((column) => column.id === sorting?.column)?.sort
  if (!key || !sorting) return rows
  return rows.toSorted((one, other) => order(key(one), key(other)) * (sorting.descending ? -1 : 1))
}

/** What there is not comes first. */
function order(one: string | number | null, other: string | number | null): number {
  if (one === null || other === null) return Number(one !== null) - Number(other !== null)
  return typeof one === 'number' && typeof other === 'number' ? one - other : String(one).localeCompare(String(other))
}
