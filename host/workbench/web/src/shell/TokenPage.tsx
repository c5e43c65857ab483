import { type SubmitEvent, useState } from 'react'

import { queryClient } from '../api/queries.ts'
import { setToken, token } from '../api/token.ts'
import { Button, Field, TextInput } from '../ui/index.ts'
import styles from './TokenPage.module.css'

/** Asks for the token of a host that serves. */
export function TokenPage() {
  const [value, setValue] = useState('')
  const wasWrong = token() !== null
  const submit = (event: SubmitEvent) => {
    event.preventDefault()
    setToken(value.trim())
    void queryClient.resetQueries()
  }
  return (
    <main className={styles.page}>
      <form className={styles.card} onSubmit={submit}>
        <h1>Workbench</h1>
        <p>
          This host wants a token: the value of <code>MOTIA_API_TOKEN</code>, or of a viewer's token. It is kept until this tab is closed.
        </p>
        <Field error={wasWrong ? 'The host does not know this token.' : null} label="Token">
          {(ids) => <TextInput {...ids} autoComplete="current-password" autoFocus onChange={setValue} required type="password" value={value} />}
        </Field>
        <Button disabled={value.trim() === ''} type="submit" variant="primary">
          Open the Workbench
        </Button>
      </form>
    </main>
  )
}
