import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'

import { api } from '../../api/client.ts'
import { useLive } from '../../api/live.ts'
import type { List, Run, StepDetail } from '../../api/types.ts'
import { type Column, DataTable, Duration, EmptyState, ErrorState, StatusBadge, Time } from '../../ui/index.ts'

const SHOWN = 50

const columns: Column<Run>[] = [
  { id: 'status', header: 'Status', width: '110px', cell: (run) => <StatusBadge status={run.status} /> },
  { id: 'started', header: 'Started', width: '90px', cell: (run) => <Time at={run.startedAt} /> },
  { id: 'duration', header: 'Duration', width: '80px', align: 'end', cell: (run) => <Duration ms={run.endedAt - run.startedAt} /> },
  { id: 'attempt', header: 'Attempt', width: '60px', align: 'end', cell: (run) => run.attempt },
  { id: 'error', header: 'Error', cell: (run) => run.error?.message ?? '' },
]

/** The newest runs of a step, as they end. */
export function RecentRuns({ step }: { step: StepDetail }) {
  const client = useQueryClient()
  const navigate = useNavigate()
  const queryKey = ['runs', 'recent', step.name]
  const { data, error, isPending, refetch } = useQuery({
    queryKey,
    queryFn: async ({ signal }) => (await api.get<List<Run>>('runs', { step: step.name, limit: SHOWN }, signal)).items,
  })
  useLive(['runs'], (event) => {
    if (event.topic !== 'runs') return
    const ended = event.data.ended.toSorted((one, other) => (one.id < other.id ? 1 : -1))
    client.setQueryData<Run[]>(queryKey, (runs) => {
      const known = new Set(runs?.map((run) => run.id))
      return runs && [...ended.filter((run) => !known.has(run.id)), ...runs].slice(0, SHOWN)
    })
  }, { step: step.name })
  if (error) return <ErrorState error={error} retry={() => void refetch()} />
  return (
    <DataTable
      columns={columns}
      empty={<EmptyState hint="What the step does appears here." icon="runs" title="It has not run yet" />}
      getRowId={(run) => run.id}
      label={`Recent runs of ${step.name}`}
      loading={isPending}
      onRowClick={(run) => void navigate({ to: '/runs/$run', params: { run: run.id } })}
      rows={data ?? []}
    />
  )
}
