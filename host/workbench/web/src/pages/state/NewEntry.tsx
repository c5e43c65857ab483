import { useState } from 'react'

import { useChange } from '../../api/change.ts'
import { api, path } from '../../api/client.ts'
import { Button, CodeEditor, Dialog, Field, TextInput } from '../../ui/index.ts'
import details from '../details.module.css'
import { EDITS } from './Entries.tsx'
import { parseJson } from './json-text.ts'

interface Props {
  group: string | undefined
  onClose: () => void
  onCreated: (entry: { group: string; key: string }) => void
}

export function NewEntry({ group: shownGroup, onClose, onCreated }: Props) {
  const [group, setGroup] = useState(shownGroup ?? '')
  const [key, setKey] = useState('')
  const [text, setText] = useState('{}')
  const { change, busy } = useChange('state', 'audit')
  const { value, wrong } = parseJson(text)
  const isWhole = group !== '' && key !== '' && wrong === undefined
  const create = async () => {
    if (!isWhole) return
    if (!(await change(() => api.put(`state/${path(group, key)}`, { value }), `${key} is saved.`))) return
    onCreated({ group, key })
    onClose()
  }
  return (
    <Dialog
      open
      onClose={onClose}
      title="New entry"
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
        <Field label="Group">{(ids) => <TextInput {...ids} autoFocus={!shownGroup} value={group} onChange={setGroup} placeholder="orders" />}</Field>
        <Field label="Key" hint="An entry that has it already is overwritten.">
          {(ids) => <TextInput {...ids} autoFocus={Boolean(shownGroup)} value={key} onChange={setKey} placeholder="order-1000" />}
        </Field>
        <Field label="Value" error={wrong && `This is not JSON: ${wrong}`}>
          {() => <CodeEditor label="Value" language="json" value={text} onChange={setText} onSubmit={() => void create()} />}
        </Field>
        <p>{EDITS}</p>
      </form>
    </Dialog>
  )
}
