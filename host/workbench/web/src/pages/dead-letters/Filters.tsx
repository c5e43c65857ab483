import { useQuery } from '@tanstack/react-query'

import type { DeadLetter } from '../../api/types.ts'
import { Button, SearchInput, Select } from '../../ui/index.ts'
import { queues } from '../queues/data.ts'
import { isFiltered } from './filter.ts'
import { reasonOf } from './groups.ts'
import { type LetterFilter, WITHIN, type Within } from './search.ts'

interface Props {
  filter: LetterFilter
  letters: DeadLetter[]
  onChange: (filter: LetterFilter) => void
}

export function Filters({ filter, letters, onChange }: Props) {
  const dead =
    useQuery(queues())
      .data?.filter((queue) => queue.dead > 0)
      .map((queue) => queue.step) ?? []
  const steps = options('All steps', [...dead, filter.step])
  const codes = options('All codes', [...letters.map((letter) => reasonOf(letter)?.code), filter.code])
  const topics = options('All topics', [...letters.map((letter) => letter.topic), filter.topic])
  const set = (change: LetterFilter) => onChange({ ...filter, ...change })
  return (
    <>
      <Select label="Step" value={filter.step ?? ''} options={steps} onChange={(step) => set({ step: step || undefined })} />
      <Select label="Code" value={filter.code ?? ''} options={codes} onChange={(code) => set({ code: code || undefined })} />
      <Select label="Topic" value={filter.topic ?? ''} options={topics} onChange={(topic) => set({ topic: topic || undefined })} />
      <Select
        label="Time"
        value={filter.within ?? ''}
        options={[{ value: '', label: 'Any time' }, ...Object.entries(WITHIN).map(([value, label]) => ({ value, label: `In ${label}` }))]}
        onChange={(within) => set({ within: (within || undefined) as Within | undefined })}
      />
      <SearchInput value={filter.traceId ?? ''} placeholder="Trace id" onChange={(traceId) => set({ traceId: traceId.trim() || undefined })} />
      {isFiltered(filter) && (
        <Button variant="ghost" onClick={() => onChange({})}>
          Clear
        </Button>
      )}
    </>
  )
}

function options(all: string, values: (string | undefined)[]) {
  const known = [...new Set(values.filter((value) => value !== undefined))].sort()
  return [{ value: '', label: all }, ...known.map((value) => ({ value, label: value }))]
}
