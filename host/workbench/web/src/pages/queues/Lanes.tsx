import { useQuery } from '@tanstack/react-query'

import { type Column, Count, DataTable, EmptyState, ErrorState } from '../../ui/index.ts'
import details from '../details.module.css'
import { deliveries } from './data.ts'
import { laneText, type LaneLoad, loadByLane } from './reasons.ts'

const LIMIT = 1000

/** What runs, what is ready and what is parked, by key. */
export function Lanes({ step }: { step: string }) {
  const parts = [
    useQuery(deliveries(step, 'leased', LIMIT)),
    useQuery(deliveries(step, 'ready', LIMIT)),
    useQuery(deliveries(step, 'parked', LIMIT)),
  ]
  const error = parts.find((part) => part.error && !part.data)?.error
  if (error)
    return (
      <div className={details.center}>
        <ErrorState
          error={error}
          retry={() => {
            for (const part of parts) void part.refetch()
          }}
        />
      </div>
    )
  const loads = loadByLane(parts.flatMap(({ data }) => data?.items ?? []))
  const cut = parts.some(({ data }) => data?.next != null)
  return (
    <div className={details.main}>
      {cut && <p className={details.note}>Of the first {LIMIT.toLocaleString('en')} that run, that are ready and that are parked</p>}
      <DataTable
        label={`Keys of ${step}`}
        columns={columns}
        rows={loads}
        loading={parts.some(({ isPending }) => isPending)}
        getRowId={(load) => load.lane ?? ''}
        empty={<EmptyState title="Nothing runs, and nothing waits for a key" hint="Keys are those of message groups, `keyConcurrency` and changed values." />}
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
  { id: 'ready', header: 'Ready', width: '110px', align: 'end', sort: (load) => load.ready, cell: (load) => <Count n={load.ready} /> },
  { id: 'behind', header: 'Parked', width: '110px', align: 'end', sort: (load) => load.behind, cell: (load) => <Count n={load.behind} /> },
]
