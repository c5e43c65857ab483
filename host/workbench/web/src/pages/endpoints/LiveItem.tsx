import { Link } from '@tanstack/react-router'
import { useEffect, useState } from 'react'

import { apiUrl, path } from '../../api/client.ts'
import { backoffMs, readEvents } from '../../api/events.ts'
import type { Json, StreamFrame } from '../../api/types.ts'
import { JsonView, StatusBadge } from '../../ui/index.ts'
import styles from './endpoints.module.css'
import type { StreamMarker } from './request.ts'

/** The stream item that a response stands for, as it is now. */
export function LiveItem({ marker }: { marker: StreamMarker }) {
  const { item, changes, isLive } = useStreamItem(marker)
  const { streamName, groupId, id } = marker
  return (
    <section aria-label="Stream item" className={styles.live}>
      <header>
        <StatusBadge label={isLive ? 'live' : 'connecting'} status={isLive ? 'live' : 'building'} />
        <Link search={{ stream: streamName, group: groupId, id }} to="/streams">
          {streamName} / {groupId} / {id}
        </Link>
        <span className={styles.space} />
        <span>
          {changes} {changes === 1 ? 'change' : 'changes'}
        </span>
      </header>
      {item === undefined ? <p className={styles.about}>Waiting for the item</p> : <JsonView value={item} />}
    </section>
  )
}

interface Followed {
  /** Null when it was deleted, undefined when nothing is known yet. */
  item: Json | undefined
  changes: number
  isLive: boolean
}

function useStreamItem({ streamName, groupId, id }: StreamMarker): Followed {
  const [followed, setFollowed] = useState<Followed>({ item: undefined, changes: 0, isLive: false })
  useEffect(() => {
    const controller = new AbortController()
    const url = apiUrl(`streams/${path(streamName, groupId)}/live`, { id })
    const follow = async () => {
      for (let failures = 0; !controller.signal.aborted; failures++) {
        const onFrame = ({ data }: { data: string }) => setFollowed((old) => after(old, JSON.parse(data) as StreamFrame))
        const onOpen = () => {
          failures = 0
          setFollowed((old) => ({ ...old, isLive: true }))
        }
        await readEvents(url, controller.signal, onFrame, onOpen).catch(() => undefined)
        if (controller.signal.aborted) return
        setFollowed((old) => ({ ...old, isLive: false }))
        await new Promise((resolve) => setTimeout(resolve, backoffMs(failures)))
      }
    }
    void follow()
    return () => controller.abort()
  }, [streamName, groupId, id])
  return followed
}

function after(followed: Followed, { event }: StreamFrame): Followed {
  if (event.type === 'event') return followed
  if (event.type === 'sync') return { ...followed, item: event.data }
  return { ...followed, item: event.type === 'delete' ? null : event.data, changes: followed.changes + 1 }
}
