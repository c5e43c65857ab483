import { useEffect, useEffectEvent, useState, useSyncExternalStore } from 'react'

import type { List } from './api/types.ts'

/** More rows than `MOST` are cut to `KEPT` while new ones come; the rest is loaded again when somebody scrolls to it. */
const MOST = 5_000
const KEPT = 2_000
/** A list of which the host tells only a part is loaded again so often at most: drawing takes more than loading. */
const BUSY_MS = 2_000

export interface ListSnapshot<Row> {
  rows: readonly Row[]
  /** New rows that wait because somebody reads the old ones. */
  waiting: number
  /** There were more new rows than the host told: only loading again shows all. */
  missed: boolean
  /** `first`: the rows that are shown, if any, are of the filter before. */
  loading: 'first' | 'more' | null
  hasMore: boolean
  error: unknown
}

/** What a list is made of; a page is asked for by the last id of the one before. */
export interface ListSource<Row> {
  page: (before: string | null, signal: AbortSignal) => Promise<List<Row>>
  /** Which of two rows with the same id is true; the newer one if not said. */
  better?: (old: Row, other: Row) => Row
}

/**
 * A list of which the newest rows come by themselves and the older ones in pages. Ids grow with time; the largest comes
 * first. While it is held, nothing is inserted, so that what somebody reads does not move.
 */
export class LiveList<Row extends { id: string }> {
  #source: ListSource<Row> | null = null
  #snapshot: ListSnapshot<Row> = { rows: [], waiting: 0, missed: false, loading: 'first', hasMore: false, error: null }
  /** The rows that are shown, by their ids. */
  #shown = new Map<string, Row>()
  #waiting = new Map<string, Row>()
  #held = false
  /** The list will be loaded again. */
  #soon: ReturnType<typeof setTimeout> | undefined
  #request: AbortController | null = null
  #listeners = new Set<() => void>()

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  readonly snapshot = (): ListSnapshot<Row> => this.#snapshot

  /** Begins anew; the old rows stay until the first page is there. */
  start(source: ListSource<Row>): void {
    this.#source = source
    this.#waiting.clear()
    this.reload()
  }

  stop(): void {
    this.#cancelSoon()
    this.#request?.abort()
  }

  reload(): void {
    this.#cancelSoon()
    this.#set({ loading: 'first', waiting: 0, missed: false, error: null })
    void this.#load(null)
  }

  more(): void {
    const { loading, hasMore, rows, error } = this.#snapshot
    const last = rows.at(-1)
    if (loading || !hasMore || !last || error) return
    this.#set({ loading: 'more' })
    void this.#load(last.id)
  }

  /** Asks again for what could not be loaded. */
  retry(): void {
    if (this.#snapshot.loading) return
    this.#set({ error: null })
    if (this.#snapshot.hasMore) this.more()
    else this.reload()
  }

  /** Rows that are new or have changed. */
  add(rows: readonly Row[]): void {
    if (rows.length === 0) return
    for (const row of rows) {
      const old = this.#waiting.get(row.id)
      this.#waiting.set(row.id, old ? this.#better(old, row) : row)
    }
    this.#insert()
  }

  remove(ids: ReadonlySet<string>): void {
    for (const id of ids) this.#waiting.delete(id)
    const isShown = [...ids].filter((id) => this.#shown.delete(id)).length > 0
    const rows = isShown ? this.#snapshot.rows.filter(({ id }) => !ids.has(id)) : this.#snapshot.rows
    if (isShown || this.#snapshot.waiting !== this.#waiting.size) this.#set({ rows, waiting: this.#waiting.size })
  }

  /** The host had more to tell than it did. */
  miss(): void {
    if (this.#held) this.#set({ missed: true })
    else this.#soon ??= setTimeout(() => this.#catchUp(), BUSY_MS)
  }

  /** Nobody has told for a while what is new. */
  gap(): void {
    if (this.#held) this.miss()
    else this.reload()
  }

  hold(held: boolean): void {
    this.#held = held
    if (held) return
    if (this.#snapshot.missed) this.reload()
    else this.#insert()
  }

  #catchUp(): void {
    this.#soon = undefined
    // What takes long is not asked for anew before it has come.
    if (this.#held || this.#snapshot.loading) this.miss()
    else this.reload()
  }

  #cancelSoon(): void {
    clearTimeout(this.#soon)
    this.#soon = undefined
  }

  async #load(before: string | null): Promise<void> {
    this.#request?.abort()
    const request = new AbortController()
    this.#request = request
    try {
      const { items, next } = await this.#source!.page(before, request.signal)
      if (request.signal.aborted) return
      if (before === null) this.#shown.clear()
      const shown = before === null ? [] : this.#snapshot.rows
      const fresh = items.filter(({ id }) => !this.#shown.has(id))
      for (const row of fresh) this.#shown.set(row.id, row)
      this.#set({ rows: [...shown, ...fresh], hasMore: next !== null, loading: null })
      this.#insert()
    } catch (error) {
      if (!request.signal.aborted) this.#set({ loading: null, error })
    }
  }

  #better(old: Row, other: Row): Row {
    return this.#source?.better ? this.#source.better(old, other) : other
  }

  /** Puts what waits into its place, unless the list is held or its first page comes first. */
  #insert(): void {
    if (this.#snapshot.loading === 'first' || this.#soon !== undefined) return
    this.#update()
    if (this.#held || this.#waiting.size === 0) {
      if (this.#snapshot.waiting !== this.#waiting.size) this.#set({ waiting: this.#waiting.size })
      return
    }
    const added = [...this.#waiting.values()].sort((one, other) => (one.id < other.id ? 1 : -1))
    this.#waiting.clear()
    const merged = mergeNewest(added, this.#snapshot.rows)
    const isCut = merged.length > MOST
    const rows = isCut ? merged.slice(0, KEPT) : merged
    if (isCut) this.#shown = new Map(rows.map((row) => [row.id, row]))
    else for (const row of added) this.#shown.set(row.id, row)
    this.#set({ rows, waiting: 0, hasMore: isCut || this.#snapshot.hasMore })
  }

  /** Takes from what waits the new versions of rows that are shown, and what comes with a later page. */
  #update(): void {
    const { hasMore, rows } = this.#snapshot
    const oldest = hasMore ? rows.at(-1)?.id : undefined
    let changed = false
    for (const [id, row] of this.#waiting) {
      const old = this.#shown.get(id)
      if (old) this.#shown.set(id, this.#better(old, row))
      if (old || (oldest !== undefined && id < oldest)) this.#waiting.delete(id)
      changed ||= old !== undefined
    }
    if (changed) this.#set({ rows: rows.map((row) => this.#shown.get(row.id) ?? row) })
  }

  #set(change: Partial<ListSnapshot<Row>>): void {
    this.#snapshot = { ...this.#snapshot, ...change }
    for (const listener of this.#listeners) listener()
  }
}

/** Two lists, each with the largest id first, as one. */
export function mergeNewest<Row extends { id: string }>(one: readonly Row[], other: readonly Row[]): Row[] {
  const merged: Row[] = []
  let at = 0
  for (const row of one) {
    for (let next = other[at]; next && next.id > row.id; next = other[at]) {
      merged.push(next)
      at += 1
    }
    merged.push(row)
  }
  return merged.concat(other.slice(at))
}

/** The list of a source, which begins anew when `key` changes. */
export function useLiveList<Row extends { id: string }>(key: string, source: ListSource<Row>): [ListSnapshot<Row>, LiveList<Row>] {
  const [list] = useState(() => new LiveList<Row>())
  const start = useEffectEvent(() => list.start(source))
  useEffect(() => {
    start()
    return () => list.stop()
  }, [list, key])
  return [useSyncExternalStore(list.subscribe, list.snapshot), list]
}
