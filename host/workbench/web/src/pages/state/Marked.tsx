import type { ReactNode } from 'react'

import { classes } from '../../ui/index.ts'
import styles from './Marked.module.css'

/** What lights up for a moment when `isFresh`. */
export function Marked({ isFresh, children }: { isFresh: boolean; children: ReactNode }) {
  return <span className={classes(styles.marked, isFresh && styles.fresh)}>{children}</span>
}
