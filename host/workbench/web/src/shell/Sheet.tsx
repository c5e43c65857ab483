import { Dialog, Kbd } from '../ui/index.ts'
import { useHotkeys } from '../ui/hotkeys.ts'
import styles from './Sheet.module.css'

/** What every list and every page with a search field has. */
const EVERYWHERE = [
  { keys: '/', description: 'To the search field' },
  { keys: 'escape', description: 'Close the panel' },
  { keys: 'arrowdown', description: 'Next row of a table' },
  { keys: 'enter', description: 'Open the row' },
]

/** All shortcuts of the page that is shown. */
export function Sheet({ open, onClose }: { open: boolean; onClose: () => void }) {
  const hotkeys = useHotkeys().filter(({ keys, description }) => keys !== '' && description !== '')
  return (
    <Dialog onClose={onClose} open={open} title="Keyboard shortcuts" wide>
      <ul className={styles.list}>
        {[...hotkeys, ...EVERYWHERE].map(({ keys, description }) => (
          <li key={keys + description}>
            {description}
            <Kbd keys={keys} />
          </li>
        ))}
      </ul>
    </Dialog>
  )
}
