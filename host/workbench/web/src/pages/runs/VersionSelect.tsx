import { useQuery } from '@tanstack/react-query'

import { queries } from '../../api/queries.ts'
import { Select } from '../../ui/index.ts'

interface Props {
  id: string
  /** The digest of a deployment; `''` is the one that serves. */
  value: string
  onChange: (version: string) => void
  /** The one that the run had. */
  ofRun?: string
}

/** Which version of the project a replay runs on. */
export function VersionSelect({ id, value, onChange, ofRun }: Props) {
  const versions = useQuery(queries.project()).data?.versions ?? []
  const options = versions.map(({ deployment, serving }) => ({
    value: serving ? '' : deployment,
    label: [deployment.slice(0, 12), serving && 'serves now', deployment === ofRun && 'the one of this run'].filter(Boolean).join(', '),
  }))
  const all = options.some((option) => option.value === '') ? options : [{ value: '', label: 'The one that serves' }, ...options]
  return <Select id={id} onChange={onChange} options={all.toSorted((one, other) => Number(one.value !== '') - Number(other.value !== ''))} value={value} />
}
