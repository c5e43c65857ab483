import { useLiveState } from '../api/live.ts'
import { Icon, useDebounced } from '../ui/index.ts'
import styles from './LostBanner.module.css'

/** A restart of the host is not worth a word. */
const AFTER_MS = 2_000

/** Says that what is shown may be old, while the host does not answer. */
export function LostBanner() {
  const isLost = useLiveState() === 'lost'
  const isLostForLong = useDebounced(isLost, AFTER_MS)
  if (!isLost || !isLostForLong) return null
  return (
    <div className={styles.banner} role="status">
      <Icon name="alert" />
      <p>The host does not answer. What is shown may be old; it is brought up to date as soon as the host is back.</p>
    </div>
  )
}
