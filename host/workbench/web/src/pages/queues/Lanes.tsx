import { useQuery } from '@tanstack/react-query'

import { type Column, Count, DataTable, EmptyState, ErrorState } from '../../ui/index.ts'
import details from '../details.module.css'
import { deliveries } from './data.ts'
import { laneText, type LaneLoad, loadByLane } from './reasons.ts'

const LIMIT = 1000

/** What runs and what is parked, by key. */
export function Lanes({ step }: { step: string }) {
  const running = useQuery(deliveries(step, 'leased', LIMIT))
  const parked = useQuery(deliveries(step, 'parked', LIMIT))
  const error = running.error ?? parked.error
  if (error && !(running.data && parked.data))
    return (
      <div className={details.center}>
        <ErrorState
          error={error}
          retry={() => {
            void running.refetch()
            void parked.refetch()
          }}
        />
      </div>
    )
  const loads = loadByLane([...(running.data?.items ?? []), ...(parked.data?.items ?? [])])
  const cut = running.data?.next != null || parked.data?.next != null
  return (
    <div className={details.main}>
      {cut && <p className={details.note}>Of the first {LIMIT.toLocaleString('en')} that run and that are parked</p>}
      <DataTable
        label={`Keys of ${step}`}
        columns={columns}
        rows={loads}
        loading={running.isPending || parked.isPending}
        getRowId={(load) => load.lane ?? ''}
        empty={<EmptyState title="Nothing runs" hint="Keys are those of message groups, `keyConcurrency` and changed values." />}
      />
    </div>
  )
}

const columns: Column<LaneLoad>[] = [
  {
    id: 'lane',
    header: 'Key',
    width: 'minmax(160px, 2fr)',
    cell: ({ lane }) => (lane === null ? <span className={details.none}>without a key</span> : laneText(lane)),
  },
  { id: 'running', header: 'In flight', width: '110px', align: 'end', sort: (load) => load.running, cell: (load) => <Count n={load.running} /> },
  { id: 'behind', header: 'Parked', width: '110px', align: 'end', sort: (load) => load.behind, cell: (load) => <Count n={load.behind} /> },
]
