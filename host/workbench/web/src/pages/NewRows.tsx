import { Icon } from '../ui/index.ts'
import styles from './NewRows.module.css'

interface Props {
  /** How many wait. */
  count: number
  /** Besides those there are more, which only loading again brings. */
  missed: boolean
  what: string
  onShow: () => void
}

/** Says that there are new rows above what somebody reads, and shows them. */
export function NewRows({ count, missed, what, onShow }: Props) {
  if (count === 0 && !missed) return null
  return (
    <button className={styles.pill} onClick={onShow} type="button">
      <Icon name="arrowUp" size={12} />
      {missed ? `Many new ${what}` : `${count.toLocaleString('en')} new`}
    </button>
  )
}
