import { useQuery } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'

import type { Queue } from '../../api/types.ts'
import { Badge, classes, type Column, Count, DataTable, EmptyState, ErrorState, Page, SearchInput, Time, Tooltip, useMedia } from '../../ui/index.ts'
import details from '../details.module.css'
import { queues, useThroughput } from './data.ts'
import styles from './queues.module.css'
import { COUNTED } from './reasons.ts'
import { rateText } from './throughput.ts'

const route = getRouteApi('/queues')

export function QueueList() {
  const { search = '' } = route.useSearch()
  const navigate = route.useNavigate()
  const { data, error, refetch, isPending } = useQuery(queues())
  const perSecond = useThroughput()
  const isPhone = useMedia('(max-width: 640px)')
  const shown = (data ?? []).filter((queue) => queue.step.toLowerCase().includes(search.toLowerCase()))

  const columns: Column<Queue>[] = [
    {
      id: 'step',
      header: 'Queue',
      width: 'minmax(110px, 1.6fr)',
      sort: (queue) => queue.step,
      cell: (queue) => (
        <span className={styles.name}>
          {queue.step}
          <Condition queue={queue} />
        </span>
      ),
    },
    count('ready', 'Ready', (queue) => queue.ready),
    count('delayed', 'Delayed', (queue) => queue.delayed),
    count('parked', 'Parked', (queue) => queue.parked),
    {
      id: 'inFlight',
      header: <span className={styles.gap} title={COUNTED.inFlight}>In flight</span>,
      width: 'minmax(64px, 124px)',
      sort: (queue) => queue.inFlight,
      cell: (queue) => <InFlight queue={queue} />,
    },
    {
      id: 'oldest',
      header: <span title={COUNTED.oldest}>Oldest</span>,
      width: '90px',
      wideOnly: true,
      sort: (queue) => queue.oldestDueAt,
      cell: (queue) => (queue.oldestDueAt === null ? <span className={details.none}>–</span> : <Time at={queue.oldestDueAt} />),
    },
    {
      id: 'throughput',
      header: <span title={COUNTED.throughput}>Throughput</span>,
      width: '90px',
      wideOnly: true,
      align: 'end',
      sort: (queue) => perSecond(queue.step),
      cell: (queue) => <span className={styles.number}>{rateText(perSecond(queue.step))}</span>,
    },
    {
      id: 'dead',
      header: <span title={COUNTED.dead}>Dead</span>,
      width: '40px',
      align: 'end',
      sort: (queue) => queue.dead,
      cell: (queue) =>
        queue.dead > 0 ? (
          <span className={styles.dead}>
            <Count n={queue.dead} />
          </span>
        ) : (
          <span className={details.none}>0</span>
        ),
    },
  ]

  return (
    <Page
      title="Queues"
      fill
      filters={
        <SearchInput
          value={search}
          placeholder="Search queues"
          onChange={(text) => navigate({ search: { search: text || undefined }, replace: true })}
        />
      }
    >
      {error && !data ? (
        <div className={details.center}>
          <ErrorState error={error} retry={refetch} />
        </div>
      ) : (
        <DataTable
          label="Queues"
          main
          columns={columns}
          rows={shown}
          rowHeight={isPhone ? 52 : 36}
          loading={isPending}
          getRowId={(queue) => queue.step}
          onRowClick={(queue) => navigate({ search: { step: queue.step } })}
          empty={
            search ? (
              <EmptyState title={`No queue has “${search}” in its name`} icon="queue" hint="Search for another name." />
            ) : (
              <EmptyState
                icon="queue"
                title="No queues"
                hint="Every event, cron, state and stream step has one. Add a step that subscribes to a topic."
              />
            )
          }
        />
      )}
    </Page>
  )
}

const count = (id: 'ready' | 'delayed' | 'parked', header: string, n: (queue: Queue) => number): Column<Queue> => ({
  id,
  header: <span title={COUNTED[id]}>{header}</span>,
  width: '60px',
  align: 'end',
  sort: n,
  wideOnly: id !== 'ready',
  cell: (queue) => (n(queue) > 0 ? <Count n={n(queue)} /> : <span className={details.none}>0</span>),
})

/** What keeps a queue from running, if anything does. */
export function Condition({ queue }: { queue: Queue }) {
  if (queue.paused)
    return (
      <Tooltip text={queue.paused.reason}>
        <Badge tone="warning">paused</Badge>
      </Tooltip>
    )
  if (queue.concurrency === null)
    return (
      <Tooltip text="No step of this name is deployed.">
        <Badge tone="danger">no step</Badge>
      </Tooltip>
    )
  return null
}

function InFlight({ queue }: { queue: Queue }) {
  const { inFlight, concurrency } = queue
  if (concurrency === null) return <span className={classes(styles.gap, details.none)}>–</span>
  return (
    <span className={classes(styles.gap, styles.inFlight)}>
      <span className={styles.number}>
        {inFlight} / {concurrency}
      </span>
      <span className={styles.bar} aria-hidden="true">
        <svg viewBox="0 0 100 4" preserveAspectRatio="none">
          <rect width={Math.min(100, (inFlight / concurrency) * 100)} height="4" />
        </svg>
      </span>
    </span>
  )
}
