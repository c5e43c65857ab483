import { useQuery } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'
import { useCallback, useState } from 'react'

import { useChange, useMayChange } from '../../api/change.ts'
import { api, path } from '../../api/client.ts'
import type { Delivery, DeliveryState, Queue } from '../../api/types.ts'
import { Badge, Button, type Column, DataTable, EmptyState, ErrorState, Select, Time, Words } from '../../ui/index.ts'
import details from '../details.module.css'
import { deliveries } from './data.ts'
import { DeliveryPanel } from './DeliveryPanel.tsx'
import styles from './queues.module.css'
import { reasonOf, STATES, whyOf } from './reasons.ts'

const route = getRouteApi('/queues')

/** How many deliveries are loaded at first, and more at each end of the list. */
const PAGE = 200
const MOST = 1000

export function Deliveries({ queue }: { queue: Queue }) {
  const { step } = queue
  const { state, delivery } = route.useSearch()
  const navigate = route.useNavigate()
  const [limit, setLimit] = useState(PAGE)
  const { data, error, refetch, isPending } = useQuery(deliveries(step, state, limit))
  const mayChange = useMayChange()
  const { change, busy } = useChange('queues', 'deliveries')
  const items = data?.items ?? []
  const open = items.find((item) => item.id === delivery)
  const set = (search: { state?: DeliveryState; delivery?: string }) => navigate({ search: { step, state, ...search }, replace: true })
  const cancel = async (id: string) => {
    if (await change(() => api.delete(`deliveries/${path(id)}`), `Delivery ${id} is cancelled.`)) set({ delivery: undefined })
  }

  const hasMore = data?.next != null
  const more = useCallback(() => {
    if (hasMore) setLimit((before) => Math.min(MOST, before + PAGE))
  }, [hasMore])

  if (error && !data)
    return (
      <div className={details.center}>
        <ErrorState error={error} retry={refetch} />
      </div>
    )
  return (
    <div className={details.split}>
      <div className={details.main}>
        <div className={styles.toolbar}>
          <Select
            label="State"
            value={state ?? ''}
            onChange={(value) => set({ state: (value || undefined) as DeliveryState | undefined, delivery: undefined })}
            options={[{ value: '', label: 'All states' }, ...STATES.map((value) => ({ value, label: value }))]}
          />
          {hasMore && (
            <p className={details.note}>
              The first {items.length.toLocaleString('en')} by id{limit >= MOST ? '; choose a state to see others' : ''}
            </p>
          )}
        </div>
        <DataTable
          label={`Deliveries of ${step}`}
          main
          columns={columns}
          rows={items}
          loading={isPending}
          getRowId={(item) => item.id}
          selectedId={delivery}
          onRowClick={(item) => set({ delivery: item.id })}
          onEndReached={more}
          empty={<Nothing queue={queue} state={state} />}
        />
      </div>
      <DeliveryPanel
        delivery={open}
        onClose={() => set({ delivery: undefined })}
        action={
          mayChange &&
          open && (
            <Button variant="danger" busy={busy} onClick={() => cancel(open.id)}>
              Cancel delivery
            </Button>
          )
        }
      />
    </div>
  )
}

function Nothing({ queue, state }: { queue: Queue; state: DeliveryState | undefined }) {
  if (state) return <EmptyState title={`Nothing of ${queue.step} is ${state}`} hint="Choose another state, or all of them." />
  return <EmptyState title="Nothing waits and nothing runs" hint={`Every event for ${queue.step} was handled, or is a dead letter.`} />
}

const columns: Column<Delivery>[] = [
  { id: 'id', header: 'Delivery', width: '80px', cell: (item) => <span className={details.id}>{item.id}</span> },
  { id: 'reason', header: 'Reason', width: '100px', cell: (item) => <Badge tone={reasonOf(item).tone}>{reasonOf(item).label}</Badge> },
  {
    id: 'why',
    header: 'Why',
    width: 'minmax(150px, 2fr)',
    cell: (item) => (
      <span title={whyOf(item)}>
        <Words text={whyOf(item)} />
      </span>
    ),
  },
  { id: 'topic', header: 'Topic', width: 'minmax(110px, 1fr)', wideOnly: true, cell: (item) => item.topic },
  { id: 'attempt', header: 'Attempts', width: '70px', align: 'end', wideOnly: true, cell: (item) => item.attempt },
  {
    id: 'due',
    header: 'Due',
    width: '80px',
    wideOnly: true,
    cell: (item) => (item.state === 'leased' ? <span className={details.none}>–</span> : <Time at={item.dueAt} />),
  },
  { id: 'emitted', header: 'Emitted', width: '80px', wideOnly: true, cell: (item) => <Time at={item.emittedAt} /> },
]
