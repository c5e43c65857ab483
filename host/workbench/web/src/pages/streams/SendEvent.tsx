import { useState } from 'react'

import { useChange } from '../../api/change.ts'
import { api, path } from '../../api/client.ts'
import { Button, CodeEditor, Dialog, Field, TextInput } from '../../ui/index.ts'
import details from '../details.module.css'
import { parseJson } from '../state/json-text.ts'

interface Props {
  stream: string
  group: string
  onClose: () => void
}

export function SendEvent({ stream, group, onClose }: Props) {
  const [type, setType] = useState('')
  const [id, setId] = useState('')
  const [text, setText] = useState('{}')
  const { change, busy } = useChange('audit')
  const { value, wrong } = parseJson(text)
  const isWhole = type !== '' && wrong === undefined
  const send = async () => {
    const body = { type, data: value, ...(id && { id }) }
    if (isWhole && (await change(() => api.post(`streams/${path(stream, group)}/send`, body), 'The event is sent.'))) onClose()
  }
  return (
    <Dialog
      open
      onClose={onClose}
      title={`Send an event to ${group}`}
      actions={
        <>
          <Button variant="ghost" onClick={onClose}>
            Cancel
          </Button>
          <Button variant="primary" icon="send" busy={busy} disabled={!isWhole} onClick={() => void send()}>
            Send
          </Button>
        </>
      }
    >
      <form
        className={details.form}
        onSubmit={(event) => {
          event.preventDefault()
          void send()
        }}
      >
        <p>Those who follow now are given it; it is kept nowhere.</p>
        <Field label="Type">{(ids) => <TextInput {...ids} autoFocus value={type} onChange={setType} placeholder="typing" />}</Field>
        <Field label="Item" hint="The id of an item, for those who follow only that; empty for the whole group.">
          {(ids) => <TextInput {...ids} value={id} onChange={setId} />}
        </Field>
        <Field label="Data" error={wrong && `This is not JSON: ${wrong}`}>
          {() => <CodeEditor label="Data" language="json" value={text} onChange={setText} onSubmit={() => void send()} />}
        </Field>
      </form>
    </Dialog>
  )
}
