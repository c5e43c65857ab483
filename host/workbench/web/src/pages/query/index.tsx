import { useQuery } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'
import { useEffect, useMemo, useState } from 'react'

import { api, ApiError } from '../../api/client.ts'
import type { QueryAnswer, QuerySchema } from '../../api/types.ts'
import { Button, CodeEditor, EmptyState, isMac, Kbd, Page, Select, Words } from '../../ui/index.ts'
import details from '../details.module.css'
import { forgetAll, readHistory, remember } from './history.ts'
import styles from './query.module.css'
import { Results } from './Results.tsx'
import { LIMITS, type Limit } from './search.ts'
import { Tables } from './Tables.tsx'

const route = getRouteApi('/query')

export default function QueryPage() {
  const { sql = '', limit = '1000' } = route.useSearch()
  const navigate = route.useNavigate()
  const [draft, setDraft] = useState(sql)
  // Lets the same query be asked again.
  const [number, setNumber] = useState(0)
  const [history, setHistory] = useState(readHistory)
  const schema = useQuery({
    queryKey: ['query', 'schema'],
    queryFn: ({ signal }) => api.get<QuerySchema>('query/schema', {}, signal),
    staleTime: 60_000,
  }).data
  const tables = useMemo(
    () => schema && Object.fromEntries(schema.tables.map(({ name, columns }) => [name, columns.map((column) => column.name)])),
    [schema],
  )
  const answer = useQuery({
    queryKey: ['query', 'answer', sql, limit, number],
    queryFn: ({ signal }) => api.post<QueryAnswer>('query', { sql, limit: Number(limit) }, signal),
    enabled: sql !== '',
    staleTime: Infinity,
    gcTime: 0,
    retry: false,
  })

  const run = (text = draft) => {
    const wanted = text.trim()
    if (!wanted) return
    setDraft(text)
    setHistory(remember(wanted))
    if (wanted === sql) setNumber(number + 1)
    else void navigate({ search: { sql: wanted, limit: limit === '1000' ? undefined : limit } })
  }
  // Back and forward, and links to queries.
  useEffect(() => {
    if (sql) setDraft((before) => (before.trim() === sql ? before : sql))
  }, [sql])
  const setLimit = (next: string) => navigate({ search: { sql: sql || undefined, limit: next as Limit }, replace: true })

  return (
    <Page
      title="Query"
      fill
      actions={
        <>
          <Examples schema={schema} onChoose={setDraft} />
          <Select
            label="History"
            value="-"
            options={[
              { value: '-', label: 'History' },
              ...history.map((each, index) => ({ value: String(index), label: oneLine(each.sql) })),
              ...(history.length > 0 ? [{ value: 'forget', label: 'Forget all' }] : []),
            ]}
            className={styles.menu}
            onChange={(value) => (value === 'forget' ? setHistory(forgetAll()) : setDraft(history[Number(value)]?.sql ?? draft))}
          />
        </>
      }
    >
      <div className={details.split}>
        {schema && <Tables schema={schema} onChoose={run} />}
        <div className={details.main}>
          <div className={styles.editor}>
            <CodeEditor label="SQL" language="sql" value={draft} onChange={setDraft} tables={tables} onSubmit={() => run()} minHeight={132} />
            {answer.error && <Problem error={answer.error} />}
            <div className={styles.bar}>
              <Button variant="primary" icon="play" busy={answer.isFetching} disabled={!draft.trim()} onClick={() => run()}>
                Run
              </Button>
              <span className={styles.hint}>
                <Kbd keys="mod+enter" />
              </span>
              <Select
                label="Rows at most"
                value={limit}
                options={LIMITS.map((value) => ({ value, label: `${Number(value).toLocaleString('en')} rows` }))}
                onChange={setLimit}
              />
              <span className={details.note}>Read-only, for at most 5 s.</span>
            </div>
          </div>
          {answer.data ? (
            <Results key={`${number} ${limit} ${sql}`} answer={answer.data} />
          ) : (
            <div className={details.center}>
              {answer.isFetching ? null : (
                <EmptyState
                  icon="table"
                  title={answer.error ? 'The query has no result' : 'Nothing was asked yet'}
                  hint={answer.error ? 'The error is under the editor.' : `Write SQL, or choose an example, and press ${isMac ? '⌘' : 'Ctrl'}+Enter.`}
                />
              )}
            </div>
          )}
        </div>
      </div>
    </Page>
  )
}

function Examples({ schema, onChoose }: { schema: QuerySchema | undefined; onChoose: (sql: string) => void }) {
  const examples = schema?.examples ?? []
  if (examples.length === 0) return null
  const options = [{ value: '-', label: 'Examples' }, ...examples.map(({ title }, index) => ({ value: String(index), label: title }))]
  return (
    <Select label="Examples" value="-" options={options} className={styles.menu} onChange={(value) => onChoose(examples[Number(value)]?.sql ?? '')} />
  )
}

function Problem({ error }: { error: Error }) {
  return (
    <p className={styles.problem} role="alert">
      {error instanceof ApiError && <code>{error.code}</code>} <Words text={error.message} />
    </p>
  )
}

const oneLine = (sql: string) => {
  const line = sql.replace(/\s+/g, ' ')
  return line.length > 80 ? `${line.slice(0, 80)}…` : line
}
