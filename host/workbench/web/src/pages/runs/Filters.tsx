import { useQuery } from '@tanstack/react-query'

import { queries } from '../../api/queries.ts'
import { Badge, Button, Checkbox, formatDuration, Icon, Select } from '../../ui/index.ts'
import { SearchFilter } from '../SearchFilter.tsx'
import { TimeRangeSelect } from '../TimeRangeSelect.tsx'
import styles from './runs.module.css'
import { KINDS, type RunsSearch, STATUSES } from './search.ts'

interface Props {
  filter: RunsSearch
  onChange: (filter: RunsSearch) => void
}

const LEAST_MS = [10, 100, 1_000, 10_000, 60_000]

export function Filters({ filter, onChange }: Props) {
  const steps = useQuery(queries.steps()).data?.filter(({ kind }) => kind !== 'noop').map(({ name }) => name)
  const flows = useQuery(queries.flows()).data?.map(({ name }) => name)
  const set = (change: RunsSearch) => onChange({ ...filter, ...change })
  const isFiltered = Object.values(filter).some((value) => value !== undefined)
  const leastMs = [...new Set([...LEAST_MS, ...(filter.minMs ? [filter.minMs] : [])])].sort((one, other) => one - other)
  return (
    <div className={styles.filters}>
      <SearchFilter onChange={(search) => set({ search })} placeholder="Step, error or id" value={filter.search} />
      <div className={styles.choices}>
        <Select
          label="Status"
          onChange={(status) => set({ status: (status || undefined) as RunsSearch['status'] })}
          options={[{ value: '', label: 'Any status' }, ...STATUSES]}
          value={filter.status ?? ''}
        />
        <Select
          className={styles.narrow}
          label="Step"
          onChange={(step) => set({ step: step || undefined })}
          options={[{ value: '', label: 'All steps' }, ...withChosen(steps, filter.step)]}
          value={filter.step ?? ''}
        />
        <Select
          className={styles.narrow}
          label="Flow"
          onChange={(flow) => set({ flow: flow || undefined })}
          options={[{ value: '', label: 'All flows' }, ...withChosen(flows, filter.flow)]}
          value={filter.flow ?? ''}
        />
        <Select
          label="Kind"
          onChange={(kind) => set({ kind: (kind || undefined) as RunsSearch['kind'] })}
          options={[{ value: '', label: 'Any kind' }, ...KINDS]}
          value={filter.kind ?? ''}
        />
        <TimeRangeSelect onChange={set} range={filter} />
        <Select
          label="Duration"
          onChange={(least) => set({ minMs: least ? Number(least) : undefined })}
          options={[{ value: '', label: 'Any duration' }, ...leastMs.map((ms) => ({ value: String(ms), label: `From ${formatDuration(ms)}` }))]}
          value={filter.minMs ? String(filter.minMs) : ''}
        />
        <span title="Only first attempts that nothing in this project has caused">
          <Checkbox checked={filter.roots ?? false} label="Roots only" onChange={(roots) => set({ roots: roots || undefined })} />
        </span>
        {filter.traceId && (
          <button aria-label="Not only of this trace" className={styles.chip} onClick={() => set({ traceId: undefined })} type="button">
            <Badge tone="info">
              Trace {filter.traceId} <Icon name="close" size={11} />
            </Badge>
          </button>
        )}
        {isFiltered && (
          <Button onClick={() => onChange({})} size="small" variant="ghost">
            Clear
          </Button>
        )}
      </div>
    </div>
  )
}

/** What is chosen is offered, even if the project no longer has it. */
function withChosen(names: string[] = [], chosen: string | undefined): string[] {
  return chosen === undefined || names.includes(chosen) ? names : [...names, chosen].sort()
}
