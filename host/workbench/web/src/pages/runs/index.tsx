import { useQuery } from '@tanstack/react-query'
import { getRouteApi, Link } from '@tanstack/react-router'
import { useCallback, useMemo, useState } from 'react'

import { useMayChange } from '../../api/change.ts'
import { type LiveEvent, useLive } from '../../api/live.ts'
import { queries } from '../../api/queries.ts'
import { useLiveList } from '../../live-list.ts'
import { Button, DataTable, EmptyState, ErrorState, Page } from '../../ui/index.ts'
import details from '../details.module.css'
import { LiveSwitch } from '../LiveSwitch.tsx'
import { NewRows } from '../NewRows.tsx'
import { useHeld } from '../use-held.ts'
import { Chosen } from './Chosen.tsx'
import { columns } from './columns.tsx'
import { Filters } from './Filters.tsx'
import { type FlowSteps, matches, type RunRow, runSource } from './run-source.ts'
import styles from './runs.module.css'
import type { RunsSearch } from './search.ts'

const route = getRouteApi('/runs')
const idOf = ({ id }: RunRow) => id

export default function RunsPage() {
  const filter = route.useSearch()
  const navigate = route.useNavigate()
  const mayChange = useMayChange()
  const [paused, setPaused] = useState(false)
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set())
  const ofFlow = useFlowSteps(filter.flow)
  const key = JSON.stringify(filter)
  const [{ rows, waiting, missed, loading, error }, list] = useLiveList(key, runSource(filter, ofFlow))
  const { scrollerRef, show } = useHeld(list, paused || chosen.size > 0)

  useLive(['runs'], (event) => {
    if (event.topic === 'gap') list.gap()
    if (event.topic !== 'runs') return
    if (event.data.skipped > 0) list.miss()
    list.add(fitting(event, filter, ofFlow))
    if (filter.status === 'running') list.remove(new Set(event.data.ended.map(idOf)))
  })

  const change = (search: RunsSearch) => void navigate({ search, replace: true })
  const more = useCallback(() => list.more(), [list])
  const chosenRows = useMemo(() => (chosen.size === 0 ? [] : rows.filter(({ id }) => chosen.has(id))), [rows, chosen])
  const isFirst = loading === 'first'
  return (
    <Page actions={<LiveSwitch onChange={setPaused} paused={paused} />} fill filters={<Filters filter={filter} onChange={change} />} title="Runs">
      <div aria-busy={isFirst} className={styles.list}>
        {error !== null && rows.length === 0 ? (
          <div className={details.center}>
            <ErrorState error={error} retry={() => list.retry()} />
          </div>
        ) : (
          <DataTable
            columns={columns}
            empty={isFirst ? undefined : <Nothing filter={filter} onClear={() => change({})} />}
            getRowId={idOf}
            key={key}
            label="Runs"
            loading={isFirst}
            main
            onEndReached={more}
            onRowClick={({ id }) => void navigate({ to: '/runs/$run', params: { run: id } })}
            onSelectionChange={mayChange ? setChosen : undefined}
            rows={rows}
            scrollerRef={scrollerRef}
            selection={mayChange ? chosen : undefined}
          />
        )}
        <NewRows count={waiting} missed={missed} onShow={show} what="runs" />
        {error !== null && rows.length > 0 && (
          <p className={styles.failed} role="alert">
            Older runs could not be loaded: {error instanceof Error ? error.message : String(error)}{' '}
            <Button onClick={() => list.retry()} size="small">
              Try again
            </Button>
          </p>
        )}
        {chosenRows.length > 0 && <Chosen filter={filter} onDone={() => setChosen(new Set())} rows={chosenRows} />}
      </div>
    </Page>
  )
}

/** Those of an event that belong to the list. */
function fitting(event: Extract<LiveEvent, { topic: 'runs' }>, filter: RunsSearch, ofFlow: FlowSteps): RunRow[] {
  const now = Date.now()
  const told: RunRow[] = [...event.data.started, ...event.data.ended]
  return told.filter((row) => matches(row, filter, ofFlow, now))
}

function useFlowSteps(flow: string | undefined): FlowSteps {
  const { data } = useQuery({ ...queries.flows(), enabled: flow !== undefined })
  return useMemo(() => {
    const steps = data?.find(({ name }) => name === flow)?.steps
    return steps && new Set(steps)
  }, [data, flow])
}

function Nothing({ filter, onClear }: { filter: RunsSearch; onClear: () => void }) {
  if (Object.values(filter).every((value) => value === undefined)) {
    return (
      <EmptyState
        action={<Link to="/endpoints">Try an endpoint</Link>}
        hint="Every request, event, tick and change that a step handles is a run, and appears here by itself."
        icon="runs"
        title="Nothing has run yet"
      />
    )
  }
  return (
    <EmptyState
      action={<Button onClick={onClear}>Clear the filters</Button>}
      hint={filter.status === 'running' ? 'What begins appears here by itself.' : 'New runs that do appear here by themselves.'}
      icon="runs"
      title={filter.status === 'running' ? 'Nothing that matches runs at the moment' : 'No run matches'}
    />
  )
}
