import { useMemo, useState } from 'react'

import type { Json, QueryAnswer } from '../../api/types.ts'
import {
  Badge,
  Button,
  type Column,
  CopyButton,
  DataTable,
  EmptyState,
  formatDuration,
  formatExactTime,
  JsonView,
  SidePanel,
} from '../../ui/index.ts'
import details from '../details.module.css'
import { download, toCsv, toJson } from './export.ts'
import styles from './query.module.css'

interface Row {
  index: number
  values: Json[]
}

/** The rows of an answer. */
export function Results({ answer }: { answer: QueryAnswer }) {
  const rows = useMemo(() => answer.rows.map((values, index) => ({ index, values })), [answer])
  const columns = useMemo(() => columnsOf(answer), [answer])
  const [chosen, setChosen] = useState<number>()
  const open = chosen === undefined ? undefined : rows[chosen]
  const count = answer.rows.length === 1 ? '1 row' : `${answer.rows.length.toLocaleString('en')} rows`
  return (
    <>
      <div className={styles.bar}>
        <strong>{count}</strong>
        {answer.truncated && <Badge tone="warning">cut: there are more</Badge>}
        <span className={details.note}>in {formatDuration(answer.ms)}</span>
        <span className={styles.exports}>
          <CopyButton words label="Copy CSV" text={() => toCsv(answer)} />
          <Button size="small" variant="ghost" icon="download" onClick={() => download('query.csv', 'text/csv', toCsv(answer))}>
            CSV
          </Button>
          <Button size="small" variant="ghost" icon="download" onClick={() => download('query.json', 'application/json', toJson(answer))}>
            JSON
          </Button>
        </span>
      </div>
      <div className={details.split}>
        <DataTable
          label="Rows"
          main
          columns={columns}
          rows={rows}
          rowHeight={30}
          getRowId={({ index }) => String(index)}
          selectedId={open && String(open.index)}
          onRowClick={({ index }) => setChosen(index)}
          empty={<EmptyState icon="table" title="No rows" hint="The query is right, and nothing matches." />}
        />
        <SidePanel open={open !== undefined} onClose={() => setChosen(undefined)} title={`Row ${(open?.index ?? 0) + 1}`} width={440}>
          {open && (
            <dl className={styles.row}>
              {answer.columns.map((name, index) => (
                <Cell key={index} name={name} value={open.values[index] ?? null} />
              ))}
            </dl>
          )}
        </SidePanel>
      </div>
    </>
  )
}

function Cell({ name, value }: { name: string; value: Json }) {
  const inner = typeof value === 'string' ? parsedObject(value) : value
  const time = typeof value === 'number' && /(^at|_at|At)$/.test(name) ? formatExactTime(value) : undefined
  return (
    <>
      <dt>{name}</dt>
      <dd>
        {typeof inner === 'string' ? inner : <JsonView value={inner} />}
        {time && <span className={details.note}>{time}</span>}
      </dd>
    </>
  )
}

/** Texts that are objects or lists in JSON, as columns of data are. */
function parsedObject(text: string): Json {
  if (!/^[[{]/.test(text)) return text
  try {
    return JSON.parse(text) as Json
  } catch {
    return text
  }
}

const textOf = (value: Json): string => (typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value))

/** So many rows tell how wide a column is. */
const MEASURED = 100

function columnsOf({ columns, rows }: QueryAnswer): Column<Row>[] {
  return columns.map((name, index) => {
    const values = rows.slice(0, MEASURED).map((row) => row[index] ?? null)
    const isNumber = values.every((value) => value === null || typeof value === 'number')
    const longest = Math.max(name.length + 2, ...values.map((value) => Math.min(48, textOf(value).length)))
    return {
      id: String(index),
      header: name,
      width: `minmax(${Math.round(longest * 7.3) + 8}px, ${isNumber ? 'max-content' : `${longest}fr`})`,
      align: isNumber ? 'end' : 'start',
      sort: ({ values: row }) => sortable(row[index] ?? null),
      cell: ({ values: row }) => <Value value={row[index] ?? null} />,
    }
  })
}

const sortable = (value: Json) => (typeof value === 'number' || typeof value === 'string' || value === null ? value : textOf(value))

function Value({ value }: { value: Json }) {
  if (value === null) return <span className={styles.null}>null</span>
  const text = textOf(value)
  return <span className={styles.cell}>{text.length > 300 ? `${text.slice(0, 300)}…` : text}</span>
}
