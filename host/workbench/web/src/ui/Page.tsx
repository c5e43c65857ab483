import { type ReactNode, useEffect } from 'react'

import { classes } from './classes.ts'
import styles from './Page.module.css'

export interface PageProps {
  title: ReactNode
  /** The title of the tab, where `title` is not a text. */
  name?: string
  actions?: ReactNode
  filters?: ReactNode
  /** What it holds scrolls by itself and reaches to the edges: a table, a graph. */
  fill?: boolean
  children: ReactNode
}

/** The frame of a page: its title, what can be done, its filters, and the rest of the height. */
export function Page({ title, name, actions, filters, fill, children }: PageProps) {
  const tabTitle = name ?? (typeof title === 'string' ? title : undefined)
  useEffect(() => {
    if (tabTitle) document.title = `${tabTitle} - Workbench`
  }, [tabTitle])
  return (
    <div className={styles.page}>
      <header className={styles.head}>
        <h1 className={styles.title}>{title}</h1>
        {actions && <div className={styles.actions}>{actions}</div>}
      </header>
      {filters && <div className={styles.filters}>{filters}</div>}
      <div className={classes(styles.body, fill && styles.fill)}>{children}</div>
    </div>
  )
}
