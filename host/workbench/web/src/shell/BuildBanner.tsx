import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'

import { queries } from '../api/queries.ts'
import type { BuildError } from '../api/types.ts'
import { Button, Dialog, Icon } from '../ui/index.ts'
import styles from './BuildBanner.module.css'

/** What is broken in the project; the steps that were built before still serve. */
export function BuildBanner() {
  const { data: project } = useQuery(queries.project())
  const [open, setOpen] = useState(false)
  const errors = project?.build?.errors ?? []
  const [first] = errors
  if (project?.build?.state !== 'broken' || !first) return null
  return (
    <div className={styles.banner} role="alert">
      <Icon name="alert" />
      <p>
        {place(first) && <code>{place(first)}: </code>}
        {first.message}
      </p>
      <Button onClick={() => setOpen(true)} size="small" variant="danger">
        {errors.length === 1 ? 'Show' : `Show ${errors.length} errors`}
      </Button>
      <Dialog onClose={() => setOpen(false)} open={open} title="What does not build" wide>
        <ol className={styles.errors}>
          {errors.map((error, index) => (
            <li className={styles.error} key={index}>
              <code className={styles.place}>{place(error)}</code>
              <p>{error.message}</p>
              {error.excerpt && <pre className={styles.excerpt}>{error.excerpt}</pre>}
            </li>
          ))}
        </ol>
      </Dialog>
    </div>
  )
}

function place({ file, line, column }: BuildError): string {
  return [file, line, column].filter((part) => part !== null && part !== undefined).join(':')
}
