import { useState } from 'react'

import type { Json, JsonSchema } from '../../api/types.ts'
import { Button, CodeEditor, CodeView, Confirm, CopyButton } from '../../ui/index.ts'
import details from '../details.module.css'
import { jsonText, parseJson } from './json-text.ts'
import styles from './state.module.css'

interface Props {
  /** What is edited, for people: `key total of group orders`. */
  name: string
  value: Json
  schema?: JsonSchema | null
  /** What else an edit does. */
  note: string
  mayChange: boolean
  /** Answers whether it went well. */
  save: (value: Json) => Promise<boolean>
  /** Rejects if it did not go well. */
  remove: () => Promise<void>
}

/** A value that others may change meanwhile: what somebody has typed stays until it is saved or given up. */
export function ValueEditor({ name, value, schema, note, mayChange, save, remove }: Props) {
  const [draft, setDraft] = useState<{ text: string; of: string }>()
  const [asks, setAsks] = useState(false)
  const [busy, setBusy] = useState(false)
  const current = jsonText(value)
  const text = draft?.text ?? current
  const { value: parsed, wrong } = parseJson(text)
  const isChanged = draft !== undefined && draft.text !== current
  const isOvertaken = isChanged && draft.of !== current

  const change = (next: string) => setDraft(next === current ? undefined : { text: next, of: draft?.of ?? current })
  const submit = async () => {
    if (wrong !== undefined || !isChanged || busy) return
    setBusy(true)
    if (await save(parsed)) setDraft(undefined)
    setBusy(false)
  }

  return (
    <section className={styles.value}>
      <header>
        <h3>Value</h3>
        <CopyButton text={text} label="Copy the value" />
      </header>
      {mayChange ? (
        <CodeEditor
          label={`Value of ${name}`}
          language="json"
          value={text}
          onChange={change}
          schema={schema}
          onSubmit={() => void submit()}
          minHeight={180}
        />
      ) : (
        <CodeView label={`Value of ${name}`} language="json" code={text} />
      )}
      {wrong && (
        <p className={styles.wrong} role="alert">
          This is not JSON: {wrong}
        </p>
      )}
      {isOvertaken && (
        <p className={styles.overtaken} role="status">
          It was changed meanwhile. Saving overwrites that.
          <Button size="small" variant="ghost" onClick={() => setDraft(undefined)}>
            Show the new value
          </Button>
        </p>
      )}
      {mayChange ? (
        <>
          <div className={details.buttons}>
            <Button variant="primary" busy={busy} disabled={!isChanged || wrong !== undefined} onClick={() => void submit()}>
              Save
            </Button>
            {isChanged && (
              <Button variant="ghost" onClick={() => setDraft(undefined)}>
                Discard changes
              </Button>
            )}
            <Button variant="danger" icon="trash" className={styles.delete} onClick={() => setAsks(true)}>
              Delete
            </Button>
          </div>
          <p className={details.note}>{note}</p>
        </>
      ) : (
        <p className={details.note}>The token&apos;s role may only look.</p>
      )}
      <Confirm open={asks} onClose={() => setAsks(false)} title={`Delete ${name}?`} action="Delete" danger onConfirm={remove}>
        {note}
      </Confirm>
    </section>
  )
}
