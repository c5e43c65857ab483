import { useState } from 'react'

import { useChange } from '../../api/change.ts'
import { api, path } from '../../api/client.ts'
import type { JsonSchema } from '../../api/types.ts'
import { exampleOf } from '../../schema.ts'
import { Button, CodeEditor, Dialog, Field, TextInput } from '../../ui/index.ts'
import details from '../details.module.css'
import { jsonText, parseJson } from '../state/json-text.ts'
import { EDITS } from './ItemPanel.tsx'

interface Props {
  stream: string
  group: string
  schema: JsonSchema | null | undefined
  onClose: () => void
}

export function NewItem({ stream, group, schema, onClose }: Props) {
  const [id, setId] = useState('')
  const [text, setText] = useState(() => (schema ? jsonText(exampleOf(schema)) : '{}'))
  const { change, busy } = useChange('streams', 'audit')
  const { value, wrong } = parseJson(text)
  const isWhole = id !== '' && wrong === undefined
  const create = async () => {
    if (isWhole && (await change(() => api.put(`streams/${path(stream, group, id)}`, { data: value }), `${id} is saved.`))) onClose()
  }
  return (
    <Dialog
      open
      onClose={onClose}
      title={`New item of ${group}`}
      actions={
        <>
          <Button variant="ghost" onClick={onClose}>
            Cancel
          </Button>
          <Button variant="primary" busy={busy} disabled={!isWhole} onClick={() => void create()}>
            Create
          </Button>
        </>
      }
    >
      <form
        className={details.form}
        onSubmit={(event) => {
          event.preventDefault()
          void create()
        }}
      >
        <Field label="Id" hint="An item that has it already is overwritten.">
          {(ids) => <TextInput {...ids} autoFocus value={id} onChange={setId} />}
        </Field>
        <Field label="Data" error={wrong && `This is not JSON: ${wrong}`}>
          {() => <CodeEditor label="Data" language="json" schema={schema} value={text} onChange={setText} onSubmit={() => void create()} />}
        </Field>
        <p>{EDITS}</p>
      </form>
    </Dialog>
  )
}
