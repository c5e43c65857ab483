import { useQuery } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'
import { useMemo, useState } from 'react'

import { useChange, useMayChange } from '../../api/change.ts'
import { api, path } from '../../api/client.ts'
import { queries } from '../../api/queries.ts'
import type { Delivery, List } from '../../api/types.ts'
import { Button, type Column, Confirm, DataTable, EmptyState, ErrorState, Page, Select, Time } from '../../ui/index.ts'
import details from '../details.module.css'
import { DeliveryPanel } from '../queues/DeliveryPanel.tsx'

const route = getRouteApi('/scheduled')

/** The API lists by id; to sort by time all are loaded, up to so many. */
const PAGE = 1000
const MOST = 5000

interface Loaded {
  items: Delivery[]
  isCut: boolean
}

async function loadScheduled(step: string | undefined, signal: AbortSignal): Promise<Loaded> {
  const items: Delivery[] = []
  let after: string | number | null = null
  do {
    const page: List<Delivery> = await api.get<List<Delivery>>('deliveries', { state: 'scheduled', step, after, limit: PAGE }, signal)
    items.push(...page.items)
    after = page.next
  } while (after !== null && items.length < MOST)
  return { items: items.sort((one, other) => one.dueAt - other.dueAt), isCut: after !== null }
}

export default function ScheduledPage() {
  const { step, delivery } = route.useSearch()
  const navigate = route.useNavigate()
  const { data, error, refetch, isPending } = useQuery({
    queryKey: ['deliveries', 'scheduled', step],
    queryFn: ({ signal }) => loadScheduled(step, signal),
    placeholderData: (before) => before,
    refetchInterval: (query) => ((query.state.data?.items.length ?? 0) > PAGE ? 15_000 : 3_000),
  })
  const steps = useQuery(queries.steps()).data
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set())
  const [asked, setAsked] = useState<string[]>([])
  const mayChange = useMayChange()
  const { change } = useChange('deliveries', 'queues')
  const items = useMemo(() => data?.items ?? [], [data])
  const chosen = items.filter(({ id }) => selected.has(id)).map(({ id }) => id)
  const open = items.find(({ id }) => id === delivery)
  const set = (search: { step?: string; delivery?: string }) => navigate({ search: { step, ...search }, replace: true })

  const cancel = async () => {
    await change(
      () => cancelAll(asked),
      (gone) => (gone === 1 ? 'One delivery is cancelled.' : `${gone} deliveries are cancelled.`),
    )
    setAsked([])
    setSelected(new Set())
    if (delivery && asked.includes(delivery)) set({ delivery: undefined })
  }

  return (
    <Page
      title="Scheduled"
      fill
      actions={mayChange && chosen.length > 0 && <Button variant="danger" onClick={() => setAsked(chosen)}>{`Cancel ${chosen.length}`}</Button>}
      filters={
        <>
          <Select
            label="Step"
            value={step ?? ''}
            options={[{ value: '', label: 'All steps' }, ...queueSteps(steps, step).map((name) => ({ value: name, label: name }))]}
            onChange={(name) => set({ step: name || undefined })}
          />
          {data && (
            <p className={details.note}>
              {data.isCut ? `The first ${items.length.toLocaleString('en')} by id` : `${items.length.toLocaleString('en')} waiting`}, the next one
              first
            </p>
          )}
        </>
      }
    >
      <div className={details.split}>
        {error && !data ? (
          <div className={details.center}>
            <ErrorState error={error} retry={refetch} />
          </div>
        ) : (
          <DataTable
            label="Scheduled deliveries"
            main
            columns={columns}
            rows={items}
            loading={isPending}
            getRowId={({ id }) => id}
            selectedId={delivery}
            onRowClick={({ id }) => set({ delivery: id })}
            selection={mayChange ? selected : undefined}
            onSelectionChange={setSelected}
            empty={
              <EmptyState
                icon="calendar"
                title={step ? `Nothing of ${step} waits for its time` : 'Nothing waits for its time'}
                hint="Events with a delay or a time, debounced ones and those that wait for their batch are listed here. Emit one with `delay` or `at`."
              />
            }
          />
        )}
        <DeliveryPanel
          delivery={open}
          onClose={() => set({ delivery: undefined })}
          action={
            mayChange &&
            open && (
              <Button variant="danger" onClick={() => setAsked([open.id])}>
                Cancel delivery
              </Button>
            )
          }
        />
      </div>
      <Confirm
        open={asked.length > 0}
        onClose={() => setAsked([])}
        title={asked.length === 1 ? `Cancel delivery ${asked[0]}?` : `Cancel ${asked.length} deliveries?`}
        action="Cancel for good"
        danger
        onConfirm={cancel}
      >
        The step will not be given the event. Other deliveries of the same event stay.
      </Confirm>
    </Page>
  )
}

/** The steps that can have something scheduled. */
function queueSteps(steps: { name: string; kind: string }[] | undefined, chosen: string | undefined): string[] {
  const names = (steps ?? []).filter(({ kind }) => kind !== 'api' && kind !== 'noop').map(({ name }) => name)
  return [...new Set(chosen ? [...names, chosen] : names)].sort()
}

/** How many are gone; one that has run meanwhile does not keep the others. */
async function cancelAll(ids: string[]): Promise<number> {
  let failed: unknown
  let gone = 0
  for (const id of ids) {
    try {
      await api.delete(`deliveries/${path(id)}`)
      gone += 1
    } catch (error) {
      failed = error
    }
  }
  if (gone === 0 && failed) throw failed
  return gone
}

const columns: Column<Delivery>[] = [
  { id: 'due', header: 'Due', width: '64px', sort: (item) => item.dueAt, cell: (item) => <Time at={item.dueAt} /> },
  { id: 'step', header: 'Step', width: 'minmax(100px, 1fr)', sort: (item) => item.step, cell: (item) => <strong>{item.step}</strong> },
  { id: 'topic', header: 'Topic', wideOnly: true, width: 'minmax(120px, 1fr)', sort: (item) => item.topic, cell: (item) => item.topic },
  { id: 'data', header: 'Data', width: 'minmax(90px, 2fr)', cell: (item) => <code className={details.code}>{JSON.stringify(item.data)}</code> },
  { id: 'id', header: 'Delivery', wideOnly: true, width: '80px', cell: (item) => <span className={details.id}>{item.id}</span> },
  { id: 'emitted', header: 'Emitted', wideOnly: true, width: '80px', sort: (item) => item.emittedAt, cell: (item) => <Time at={item.emittedAt} /> },
]
