import type { ReactNode } from 'react'

import { ApiError } from '../api/client.ts'
import { Button } from './Button.tsx'
import { Icon, type IconName } from './icons.tsx'
import styles from './states.module.css'
import { Words } from './Words.tsx'

export interface EmptyStateProps {
  title: string
  /** Why it is empty, and what to do. */
  hint?: ReactNode
  action?: ReactNode
  icon?: IconName
}

export function EmptyState({ title, hint, action, icon = 'inbox' }: EmptyStateProps) {
  return (
    <div className={styles.state}>
      <Icon name={icon} size={24} />
      <p className={styles.title}>{title}</p>
      {hint && <div className={styles.hint}>{typeof hint === 'string' ? <Words text={hint} /> : hint}</div>}
      {action && <div className={styles.action}>{action}</div>}
    </div>
  )
}

export function ErrorState({ error, retry }: { error: unknown; retry?: () => void }) {
  const message = error instanceof Error ? error.message : String(error)
  const code = error instanceof ApiError ? error.code : null
  return (
    <div className={styles.state} role="alert">
      <Icon name="alert" size={24} />
      <p className={styles.title}>This could not be loaded</p>
      <p className={styles.hint}>
        <Words text={message} />
        {code && (
          <>
            {' '}
            (<code>{code}</code>)
          </>
        )}
      </p>
      {retry && (
        <Button className={styles.action} icon="refresh" onClick={retry}>
          Try again
        </Button>
      )}
    </div>
  )
}

/** Stands in for what is being loaded. */
export function Loading({ lines = 6 }: { lines?: number }) {
  return (
    <div aria-busy="true" className={styles.loading} role="status">
      <span className="visually-hidden">Loading</span>
      {Array.from({ length: lines }, (_, index) => (
        <div className={styles.bar} key={index} />
      ))}
    </div>
  )
}
