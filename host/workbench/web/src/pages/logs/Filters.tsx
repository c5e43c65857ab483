import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'

import { queries } from '../../api/queries.ts'
import { Badge, Button, Icon, Select } from '../../ui/index.ts'
import styles from '../runs/runs.module.css'
import { SearchFilter } from '../SearchFilter.tsx'
import { TimeRangeSelect } from '../TimeRangeSelect.tsx'
import type { LogsSearch } from './search.ts'

interface Props {
  filter: LogsSearch
  onChange: (filter: LogsSearch) => void
}

const LEVEL_OPTIONS = [
  { value: '', label: 'All levels' },
  { value: 'info', label: 'info and worse' },
  { value: 'warn', label: 'warn and worse' },
  { value: 'error', label: 'error' },
]

export function Filters({ filter, onChange }: Props) {
  const steps = useQuery(queries.steps()).data?.filter(({ kind }) => kind !== 'noop').map(({ name }) => name) ?? []
  const set = (change: LogsSearch) => onChange({ ...filter, ...change })
  const isFiltered = Object.values(filter).some((value) => value !== undefined)
  const all = filter.step === undefined || steps.includes(filter.step) ? steps : [...steps, filter.step]
  return (
    <div className={styles.filters}>
      <SearchFilter onChange={(search) => set({ search })} placeholder="Message or what was logged with it" value={filter.search} />
      <div className={styles.choices}>
        <Select
          label="Level"
          onChange={(level) => set({ level: (level || undefined) as LogsSearch['level'] })}
          options={LEVEL_OPTIONS}
          value={filter.level ?? ''}
        />
        <Select
          className={styles.narrow}
          label="Step"
          onChange={(step) => set({ step: step || undefined })}
          options={[{ value: '', label: 'All steps' }, ...all]}
          value={filter.step ?? ''}
        />
        <TimeRangeSelect onChange={set} range={filter} />
        {filter.traceId && (
          <>
            <Chip label="Not only of this trace" onRemove={() => set({ traceId: undefined })} words={`Trace ${filter.traceId}`} />
            <Link params={{ trace: filter.traceId }} to="/traces/$trace">
              Open
            </Link>
          </>
        )}
        {filter.run && (
          <>
            <Chip label="Not only of this run" onRemove={() => set({ run: undefined })} words={`Run ${filter.run}`} />
            <Link params={{ run: filter.run }} to="/runs/$run">
              Open
            </Link>
          </>
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

function Chip({ words, label, onRemove }: { words: string; label: string; onRemove: () => void }) {
  return (
    <button aria-label={label} className={styles.chip} onClick={onRemove} type="button">
      <Badge tone="info">
        {words} <Icon name="close" size={11} />
      </Badge>
    </button>
  )
}
