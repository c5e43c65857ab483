import { useQuery } from '@tanstack/react-query'

import { useChange, useMayChange } from '../../api/change.ts'
import { api, path } from '../../api/client.ts'
import type { Redrive } from '../../api/types.ts'
import { Button, Count, Time } from '../../ui/index.ts'
import details from '../details.module.css'
import styles from './dead-letters.module.css'
import { filterWords, redrives } from './filter.ts'

/** The redrives that go on. */
export function Redrives() {
  const running = useQuery(redrives()).data ?? []
  if (running.length === 0) return null
  return (
    <ul className={styles.redrives} aria-label="Redrives that go on">
      {running.map((redrive) => (
        <Running key={redrive.id} redrive={redrive} />
      ))}
    </ul>
  )
}

function Running({ redrive }: { redrive: Redrive }) {
  const { change, busy } = useChange('redrives', 'dead-letters', 'queues')
  const mayChange = useMayChange()
  const total = Array.isArray(redrive.filter.ids) && redrive.filter.ids.length > 0 ? redrive.filter.ids.length : undefined
  return (
    <li>
      <div>
        <p>
          <strong>Redrive {redrive.id}</strong>: {filterWords(redrive.filter)}
        </p>
        <p className={details.note}>
          <Count n={redrive.moved} />
          {total !== undefined && ` of ${total.toLocaleString('en')}`} moved at {redrive.perSecond.toLocaleString('en')} a second, began{' '}
          <Time at={redrive.createdAt} />
        </p>
        <progress value={total === undefined ? undefined : redrive.moved} max={total} aria-label={`Progress of redrive ${redrive.id}`} />
      </div>
      {mayChange && (
        <Button
          variant="secondary"
          size="small"
          disabled={busy}
          onClick={() => change(() => api.delete(`redrives/${path(redrive.id)}`), 'The redrive is stopped; what was moved stays moved.')}
        >
          Stop
        </Button>
      )}
    </li>
  )
}
