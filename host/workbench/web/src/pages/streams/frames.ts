import type { Json, StreamFrame } from '../../api/types.ts'

/** An item as the page shows it. */
export interface LiveItem {
  id: string
  data: Json
  /** Null if nobody said: items of the first snapshot have none. */
  offset: number | null
  updatedAt: number | null
}

/** What happened, for the list of changes. */
export interface Happening {
  /** Unique in the list. */
  key: number
  at: number
  /** What was done to an item, or the type of an event. */
  type: string
  isEvent: boolean
  id: string | null
  offset: number | null
  data: Json
}

export interface LiveGroup {
  items: Map<string, LiveItem>
  offset: number | null
  /** The newest first. */
  happenings: Happening[]
  changes: number
}

export const EMPTY_GROUP: LiveGroup = { items: new Map(), offset: null, happenings: [], changes: 0 }

/** The most changes that are kept for the list. */
const KEPT = 200

const idOf = (data: Json): string | undefined => {
  const id = typeof data === 'object' && data !== null && !Array.isArray(data) ? data.id : undefined
  return typeof id === 'string' ? id : undefined
}

/** The group after some frames; the one before is not changed. */
export function withFrames(group: LiveGroup, frames: StreamFrame[]): LiveGroup {
  const next = { ...group, items: new Map(group.items), happenings: [...group.happenings] }
  for (const frame of frames) apply(next, frame)
  next.happenings.length = Math.min(next.happenings.length, KEPT)
  return next
}

function apply(group: LiveGroup, frame: StreamFrame) {
  const offset = frame.offset ?? null
  if (offset !== null) group.offset = Math.max(offset, group.offset ?? 0)
  if (frame.event.type === 'sync') {
    sync(group, frame.event.data)
    return
  }
  group.changes += 1
  const happening = { key: group.changes, at: frame.timestamp, offset }
  if (frame.event.type === 'event') {
    const { type, data } = frame.event.event
    group.happenings.unshift({ ...happening, type, isEvent: true, id: frame.id ?? null, data })
    return
  }
  const { type, data } = frame.event
  const id = frame.id ?? idOf(data)
  group.happenings.unshift({ ...happening, type, isEvent: false, id: id ?? null, data })
  if (id === undefined) return
  if (type === 'delete') group.items.delete(id)
  else group.items.set(id, { id, data, offset, updatedAt: frame.timestamp })
}

/** A snapshot takes the place of everything; what it does not say is kept of items that are the same. */
function sync(group: LiveGroup, data: Json) {
  const before = group.items
  group.items = new Map()
  for (const item of Array.isArray(data) ? data : [data]) {
    const id = idOf(item)
    if (id === undefined) continue
    const known = before.get(id)
    const same = known !== undefined && JSON.stringify(known.data) === JSON.stringify(item)
    group.items.set(id, same ? known : { id, data: item, offset: null, updatedAt: null })
  }
}

/** The items of the list of the API, for what snapshots do not say. Items that the stream has told of are newer. */
export function withListed(group: LiveGroup, listed: { id: string; data: Json; offset: number; updatedAt: number }[]): LiveGroup {
  const items = new Map(group.items)
  for (const item of listed) {
    const known = items.get(item.id)
    if (known && known.offset === null) items.set(item.id, { ...known, offset: item.offset, updatedAt: item.updatedAt })
  }
  return { ...group, items }
}
