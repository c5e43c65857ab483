import { useEffect, useReducer, useState } from 'react'

import { ApiError, apiUrl, path } from '../../api/client.ts'
import { backoffMs, readEvents } from '../../api/events.ts'
import type { StreamFrame, StreamItem } from '../../api/types.ts'
import { EMPTY_GROUP, type LiveGroup, withFrames, withListed } from './frames.ts'

export type Connection = { state: 'connecting' | 'live' | 'lost' } | { state: 'refused'; error: ApiError }

/** Frames that come within so many milliseconds are shown together. */
const TOGETHER_MS = 100

type Action = { frames: StreamFrame[] } | { listed: StreamItem[] }

const reduce = (group: LiveGroup, action: Action): LiveGroup =>
  'frames' in action ? withFrames(group, action.frames) : withListed(group, action.listed)

/** Follows a group of a stream; what was missed while the connection was lost is asked for by the offset. */
export function useLiveGroup(stream: string, group: string) {
  const [live, dispatch] = useReducer(reduce, EMPTY_GROUP)
  const [connection, setConnection] = useState<Connection>({ state: 'connecting' })
  useEffect(() => {
    const controller = new AbortController()
    void follow(stream, group, controller.signal, (frames) => dispatch({ frames }), setConnection)
    return () => controller.abort()
  }, [stream, group])
  return { live, connection, addListed: (listed: StreamItem[]) => dispatch({ listed }) }
}

async function follow(
  stream: string,
  group: string,
  signal: AbortSignal,
  onFrames: (frames: StreamFrame[]) => void,
  onConnection: (connection: Connection) => void,
): Promise<void> {
  let since: number | undefined
  let failures = 0
  let waiting: StreamFrame[] = []
  const flush = () => {
    if (!signal.aborted) onFrames(waiting)
    waiting = []
  }
  while (!signal.aborted) {
    try {
      await readEvents(
        apiUrl(`streams/${path(stream, group)}/live`, { since }),
        signal,
        ({ data, id }) => {
          const frame = JSON.parse(data) as StreamFrame
          const offset = frame.offset ?? (id ? Number(id) : undefined)
          if (offset !== undefined) since = offset
          if (waiting.length === 0) setTimeout(flush, TOGETHER_MS)
          waiting.push(offset === undefined ? frame : { ...frame, offset })
        },
        () => {
          failures = 0
          onConnection({ state: 'live' })
        },
      )
    } catch (error) {
      if (signal.aborted) return
      if (error instanceof ApiError && error.status >= 400 && error.status < 500) {
        onConnection({ state: 'refused', error })
        return
      }
    }
    if (signal.aborted) return
    onConnection({ state: 'lost' })
    await new Promise((resolve) => setTimeout(resolve, backoffMs(failures++)))
  }
}
