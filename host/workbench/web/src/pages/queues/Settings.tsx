import { useQuery } from '@tanstack/react-query'
import { type FormEvent, useId, useState } from 'react'

import { useChange, useMayChange } from '../../api/change.ts'
import { api, ApiError, path } from '../../api/client.ts'
import { queries } from '../../api/queries.ts'
import type { Queue, QueueSettings, Rate } from '../../api/types.ts'
import { Badge, Button, EmptyState, ErrorState, Loading, TextInput, Words } from '../../ui/index.ts'
import details from '../details.module.css'
import styles from './queues.module.css'
import { changedOf, type NumberSetting, type RateSetting, rateWords, type Setting, settingsOf, wrongNumber } from './settings.ts'

/** What can be changed of a queue at run time. */
export function Settings({ queue }: { queue: Queue }) {
  const mayChange = useMayChange()
  const { data: step, error, refetch } = useQuery(queries.step(queue.step))
  if (error instanceof ApiError && error.status === 404) {
    return (
      <div className={details.center}>
        <EmptyState title="No step of this name is deployed" hint="Limits can be changed while the step is." />
      </div>
    )
  }
  if (error && !step)
    return (
      <div className={details.center}>
        <ErrorState error={error} retry={refetch} />
      </div>
    )
  if (!step) return <Loading />
  return (
    <div className={styles.settings}>
      <p className={details.note}>
        Changes are in force at once and outlast restarts and deployments, until they go back to what the step&apos;s config says.
        {!mayChange && " The token's role may only look."}
      </p>
      {settingsOf(step.config).map((setting) => (
        <Row key={setting.name} queue={queue} setting={setting} />
      ))}
    </div>
  )
}

const isAvailable = (setting: Setting) => setting.configured !== null || (setting.kind === 'number' && setting.fallback !== null)

function Row({ queue, setting }: { queue: Queue; setting: Setting }) {
  const { change, busy } = useChange('queues')
  const mayChange = useMayChange()
  const changed = changedOf(queue.settings, setting)
  const save = (value: number | Rate | null) =>
    change(
      () => api.patch<Queue>(`queues/${path(queue.step)}`, { [setting.name]: value } satisfies QueueSettings),
      value === null ? `${setting.label} is as the config says.` : `${setting.label} is changed.`,
    )
  const props = { disabled: busy || !mayChange, save }
  return (
    <section className={styles.setting} aria-label={setting.label}>
      <div>
        <h2>
          {setting.label} {changed !== null && <Badge tone="info">changed</Badge>}
        </h2>
        <p>{setting.hint}</p>
        <p className={styles.configured}>
          <Words text={configuredWords(setting)} />
        </p>
      </div>
      {isAvailable(setting) && (
        <div className={styles.editor}>
          {setting.kind === 'number' ? (
            <NumberEditor key={String(changed)} setting={setting} changed={changed as number | null} {...props} />
          ) : (
            <RateEditor key={JSON.stringify(changed)} setting={setting} changed={changed as Rate | null} {...props} />
          )}
          {changed !== null && (
            <Button variant="ghost" disabled={props.disabled} onClick={() => save(null)}>
              Back to default
            </Button>
          )}
        </div>
      )}
    </section>
  )
}

function configuredWords(setting: Setting): string {
  if (setting.kind === 'rate' && setting.configured) return `The config says ${rateWords(setting.configured)}.`
  if (setting.kind === 'number' && setting.configured !== null) return `The config says ${setting.configured.toLocaleString('en')}.`
  if (setting.kind === 'number' && setting.fallback !== null) return `The default is ${setting.fallback}.`
  const field = setting.name === 'batchSize' ? 'batch' : setting.name
  return `The step's config has no \`${field}\`; add it to \`infrastructure.queue\` to change it here.`
}

interface EditorProps<S, V> {
  setting: S
  changed: V | null
  disabled: boolean
  save: (value: V) => Promise<boolean>
}

function NumberEditor({ setting, changed, disabled, save }: EditorProps<NumberSetting, number>) {
  const before = String(changed ?? setting.configured ?? setting.fallback)
  const [text, setText] = useState(before)
  const wrong = wrongNumber(text, setting.min, setting.max)
  const wrongId = useId()
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (!wrong) void save(Number(text))
  }
  return (
    <form className={styles.fields} onSubmit={submit}>
      <Field label={setting.label} hidden text={text} onChange={setText} isWrong={wrong !== undefined} wrongId={wrongId} disabled={disabled} />
      <Button variant="secondary" type="submit" disabled={disabled || wrong !== undefined || text === before}>
        Save
      </Button>
      {wrong && <Wrong id={wrongId} text={`Expected ${wrong}.`} />}
    </form>
  )
}

function RateEditor({ setting, changed, disabled, save }: EditorProps<RateSetting, Rate>) {
  const before = changed ?? setting.configured!
  const [limit, setLimit] = useState(String(before.limit))
  const [period, setPeriod] = useState(String(before.periodSeconds))
  const [burst, setBurst] = useState(String(before.burst ?? ''))
  const hasBurst = setting.name === 'throttle'
  const wrongLimit = wrongNumber(limit, 1, 4_294_967_295)
  const wrongPeriod = Number(period) > 0 ? undefined : 'seconds, more than 0'
  const wrongBurst = hasBurst && burst !== '' ? wrongNumber(burst, 1, 4_294_967_295) : undefined
  const isSame = Number(limit) === before.limit && Number(period) === before.periodSeconds && burst === String(before.burst ?? '')
  const wrong =
    (wrongLimit && `Expected as the limit ${wrongLimit}.`) ??
    (wrongPeriod && `Expected as the period ${wrongPeriod}.`) ??
    (wrongBurst && `Expected as the burst ${wrongBurst}.`)
  const wrongId = useId()
  const submit = (event: FormEvent) => {
    event.preventDefault()
    const rate = { limit: Number(limit), periodSeconds: Number(period) }
    if (!wrong) void save(hasBurst && burst !== '' ? { ...rate, burst: Number(burst) } : rate)
  }
  const fields = { wrongId, disabled }
  return (
    <form className={styles.fields} onSubmit={submit}>
      <Field label="Limit" text={limit} onChange={setLimit} isWrong={wrongLimit !== undefined} {...fields} />
      <Field label="Period in seconds" text={period} onChange={setPeriod} isWrong={wrongPeriod !== undefined} {...fields} />
      {hasBurst && <Field label="Burst" text={burst} onChange={setBurst} isWrong={wrongBurst !== undefined} {...fields} />}
      <Button variant="secondary" type="submit" disabled={disabled || wrong !== undefined || isSame}>
        Save
      </Button>
      {wrong && <Wrong id={wrongId} text={wrong} />}
    </form>
  )
}

interface FieldProps {
  label: string
  hidden?: boolean
  text: string
  onChange: (text: string) => void
  isWrong: boolean
  wrongId: string
  disabled: boolean
}

function Field({ label, hidden, text, onChange, isWrong, wrongId, disabled }: FieldProps) {
  const id = useId()
  return (
    <div className={styles.field}>
      <label htmlFor={id} className={hidden ? 'visually-hidden' : undefined}>
        {label}
      </label>
      <TextInput
        id={id}
        inputMode="decimal"
        value={text}
        disabled={disabled}
        aria-invalid={isWrong}
        aria-describedby={isWrong ? wrongId : undefined}
        onChange={onChange}
      />
    </div>
  )
}

/** Below the fields, so that none of them moves. */
function Wrong({ id, text }: { id: string; text: string }) {
  return (
    <p id={id} className={styles.wrong}>
      {text}
    </p>
  )
}
