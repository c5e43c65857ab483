import { type SubmitEvent, useState } from 'react'

import type { StepDetail } from '../../api/types.ts'
import { Button, Dialog, Field, Icon, TextInput, toast } from '../../ui/index.ts'
import styles from './endpoints.module.css'
import type { Draft } from './request.ts'
import { forgetRequest, saveRequest, useSavedRequests } from './storage.ts'

interface SavedRequestsProps {
  step: StepDetail
  project: string
  draft: Draft
  onApply: (draft: Draft) => void
  onReset: () => void
}

/** The requests that this browser keeps for an endpoint. */
export function SavedRequests({ step, project, draft, onApply, onReset }: SavedRequestsProps) {
  const saved = useSavedRequests(project, step.name)
  const [naming, setNaming] = useState(false)
  const [name, setName] = useState('')
  const save = (event: SubmitEvent) => {
    event.preventDefault()
    saveRequest(project, step.name, name.trim(), draft)
    setNaming(false)
    toast(`Saved as ${name.trim()} in this browser.`, 'success')
  }
  return (
    <div className={styles.saved}>
      {saved.map((request) => (
        <span className={styles.chip} key={request.id}>
          <button onClick={() => onApply(request.draft)} type="button">
            {request.name}
          </button>
          <button aria-label={`Forget ${request.name}`} onClick={() => forgetRequest(project, request.id)} type="button">
            <Icon name="close" size={10} />
          </button>
        </span>
      ))}
      <Button icon="save" onClick={() => setNaming(true)} size="small" variant="ghost">
        Save request
      </Button>
      <Button icon="refresh" onClick={onReset} size="small" variant="ghost">
        Start again
      </Button>
      <Dialog onClose={() => setNaming(false)} open={naming} title="Save the request">
        <form className={styles.naming} onSubmit={save}>
          <Field hint="This browser keeps it; nobody else sees it." label="Name">
            {(ids) => <TextInput {...ids} maxLength={60} onChange={setName} required value={name} />}
          </Field>
          <Button disabled={name.trim() === ''} type="submit" variant="primary">
            Save
          </Button>
        </form>
      </Dialog>
    </div>
  )
}
