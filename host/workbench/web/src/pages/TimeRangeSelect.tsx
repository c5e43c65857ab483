import { useState } from 'react'

import { Button, Dialog, Field, Select, TextInput } from '../ui/index.ts'
import details from './details.module.css'
import { fromLocal, PRESETS, rangeWords, type TimeRange, timeOf, toLocal } from './time-range.ts'

interface Props {
  range: TimeRange
  onChange: (range: { since: string | undefined; until: string | undefined }) => void
}

const CUSTOM = 'custom'

/** A range of time: one of those that people mostly want, or from a moment to another one. */
export function TimeRangeSelect({ range, onChange }: Props) {
  const [isAsking, setAsking] = useState(false)
  const isPreset = range.until === undefined && PRESETS.some(({ value }) => value === range.since)
  const isOwn = !isPreset && (range.since !== undefined || range.until !== undefined)
  const options = [
    { value: '', label: 'Any time' },
    ...PRESETS,
    ...(isOwn ? [{ value: 'own', label: rangeWords(range, Date.now()) }] : []),
    { value: CUSTOM, label: 'From … to …' },
  ]
  const choose = (value: string) => {
    if (value === CUSTOM) setAsking(true)
    else if (value !== 'own') onChange({ since: value || undefined, until: undefined })
  }
  return (
    <>
      <Select label="Time" onChange={choose} options={options} value={isPreset ? range.since! : isOwn ? 'own' : ''} />
      {isAsking && <RangeDialog onChange={onChange} onClose={() => setAsking(false)} range={range} />}
    </>
  )
}

function RangeDialog({ range, onChange, onClose }: Props & { onClose: () => void }) {
  const [since, setSince] = useState(() => toLocal(timeOf(range.since, Date.now())))
  const [until, setUntil] = useState(() => toLocal(timeOf(range.until, Date.now())))
  const isWrong = since !== '' && until !== '' && since >= until
  const submit = () => {
    if (isWrong) return
    onChange({ since: fromLocal(since), until: fromLocal(until) })
    onClose()
  }
  const actions = (
    <>
      <Button onClick={onClose} variant="ghost">
        Cancel
      </Button>
      <Button disabled={isWrong} onClick={submit} variant="primary">
        Show
      </Button>
    </>
  )
  return (
    <Dialog actions={actions} onClose={onClose} open title="From a time to a time">
      <form
        className={details.form}
        onSubmit={(event) => {
          event.preventDefault()
          submit()
        }}
      >
        <Field label="From">{(ids) => <TextInput {...ids} onChange={setSince} step={1} type="datetime-local" value={since} />}</Field>
        <Field error={isWrong ? 'Expected a time after the first one.' : null} hint="Nothing: up to now." label="To">
          {(ids) => <TextInput {...ids} onChange={setUntil} step={1} type="datetime-local" value={until} />}
        </Field>
        <button hidden type="submit" />
      </form>
    </Dialog>
  )
}
