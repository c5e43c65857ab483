import { useState } from 'react'

import { useChange } from '../../api/change.ts'
import { api } from '../../api/client.ts'
import { Button, Dialog, Field, TextInput } from '../../ui/index.ts'
import details from '../details.module.css'
import { wrongNumber } from '../queues/settings.ts'

/** What somebody is about to do with dead letters. */
export interface Doing {
  action: 'redrive' | 'discard'
  /** The letters, in words. */
  what: string
  /** The letters, as the API has them. */
  filter: Record<string, unknown>
}

interface Props {
  doing: Doing | undefined
  onClose: () => void
  onDone: () => void
}

/** Asks before letters are redriven or discarded. */
export function DoingDialog({ doing, onClose, onDone }: Props) {
  const [rate, setRate] = useState('100')
  const { change, busy } = useChange('dead-letters', 'redrives', 'queues')
  const isRedrive = doing?.action === 'redrive'
  const wrong = wrongNumber(rate, 1, 100_000)
  const go = async () => {
    if (!doing || (isRedrive && wrong)) return
    const done = isRedrive
      ? await change(() => api.post('dead-letters/redrive', { ...doing.filter, perSecond: Number(rate) }), 'The redrive has begun.')
      : await change(
          () => api.post<{ discarded: number }>('dead-letters/discard', doing.filter),
          ({ discarded }) => (discarded === 1 ? '1 dead letter is discarded.' : `${discarded.toLocaleString('en')} dead letters are discarded.`),
        )
    if (done) onDone()
    onClose()
  }
  return (
    <Dialog
      open={doing !== undefined}
      onClose={onClose}
      title={isRedrive ? `Redrive ${doing.what}` : `Discard ${doing?.what ?? ''}`}
      actions={
        <>
          <Button variant="ghost" onClick={onClose}>
            Cancel
          </Button>
          <Button variant={isRedrive ? 'primary' : 'danger'} busy={busy} disabled={isRedrive && wrong !== undefined} onClick={go}>
            {isRedrive ? 'Redrive' : 'Discard for good'}
          </Button>
        </>
      }
    >
      {isRedrive ? (
        <form
          className={details.form}
          onSubmit={(event) => {
            event.preventDefault()
            void go()
          }}
        >
          <p>
            Each is a delivery again with all its attempts, oldest first. New events go before them. The redrive goes on in the background and can be
            stopped.
          </p>
          <Field label="Letters per second" error={wrong && `Expected ${wrong}.`}>
            {(ids) => <TextInput {...ids} autoFocus inputMode="numeric" value={rate} onChange={setRate} />}
          </Field>
        </form>
      ) : (
        <p>Their data and errors are gone for good.</p>
      )}
    </Dialog>
  )
}
