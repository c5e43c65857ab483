import { useEffect, useState, useSyncExternalStore } from 'react'

import { api, path } from '../api/client.ts'
import type { List, Span, TraceSpan } from '../api/types.ts'

/** How many spans a request brings. */
const PAGE = 5_000

type Page<S> = (spans: S[]) => void

/** Loads all spans behind an address, page after page. */
async function loadAll<S extends Span>(address: string, signal: AbortSignal, onPage: Page<S>): Promise<void> {
  for (let after: string | number | null | undefined; after !== null; ) {
    const page: List<S> = await api.get<List<S>>(address, { after, limit: PAGE }, signal)
    onPage(page.items)
    after = page.next
  }
}

/** Tells when something has changed that is too large to be copied for it. */
class Versions {
  #version = 0
  #listeners = new Set<() => void>()

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  readonly version = (): number => this.#version

  changed(): void {
    this.#version += 1
    for (const listener of this.#listeners) listener()
  }
}

/** The spans of one run; they are loaded in the background and can be many. */
export class SpanList extends Versions {
  /** Grows in place. */
  readonly spans: Span[] = []
  done = false
  error: unknown = null

  async load(run: string, signal: AbortSignal): Promise<void> {
    this.spans.length = 0
    this.error = null
    try {
      await loadAll<Span>(`runs/${path(run)}/spans`, signal, (page) => {
        for (const span of page) this.spans.push(span)
        this.changed()
      })
      this.done = true
    } catch (error) {
      if (signal.aborted) return
      this.error = error
    }
    this.changed()
  }
}

/** The spans of a run that has ended, a number that changes when there are more, and what loads them again. */
export function useSpanList(run: string | null): [SpanList, number, () => void] {
  const [list, setList] = useState(() => new SpanList())
  const [times, setTimes] = useState(0)
  useEffect(() => {
    if (run === null) return
    const controller = new AbortController()
    const next = new SpanList()
    setList(next)
    void next.load(run, controller.signal)
    return () => controller.abort()
  }, [run, times])
  return [list, useSyncExternalStore(list.subscribe, list.version), () => setTimes(times + 1)]
}

/** More runs than this at a time are loaded with their whole trace. */
const SINGLY = 20

/** The spans of those runs of a trace that somebody looks at. */
export class TraceSpans extends Versions {
  readonly #trace: string
  readonly #spans = new Map<string, Span[]>()
  readonly #asked = new Set<string>()
  readonly #controller = new AbortController()
  loading = 0
  error: unknown = null

  constructor(trace: string) {
    super()
    this.#trace = trace
  }

  of(run: string): readonly Span[] {
    return this.#spans.get(run) ?? []
  }

  /** Loads what is not there yet. */
  want(runs: readonly string[]): void {
    const missing = runs.filter((run) => !this.#asked.has(run))
    if (missing.length > 0) this.error = null
    for (const run of missing) this.#asked.add(run)
    if (missing.length > SINGLY) void this.#load<TraceSpan>(missing, `traces/${path(this.#trace)}/spans`, (page) => this.#take(page, new Set(missing)))
    else for (const run of missing) void this.#load<Span>([run], `runs/${path(run)}/spans`, (page) => this.#put(run, page))
  }

  stop(): void {
    this.#controller.abort()
  }

  #take(page: TraceSpan[], wanted: ReadonlySet<string>): void {
    for (const span of page) if (wanted.has(span.run)) this.#put(span.run, [span])
  }

  #put(run: string, spans: Span[]): void {
    const known = this.#spans.get(run)
    if (!known) this.#spans.set(run, [...spans])
    else for (const span of spans) known.push(span)
  }

  async #load<S extends Span>(runs: string[], address: string, onPage: Page<S>): Promise<void> {
    this.loading += 1
    this.changed()
    try {
      await loadAll<S>(address, this.#controller.signal, (page) => {
        onPage(page)
        this.changed()
      })
    } catch (error) {
      if (this.#controller.signal.aborted) return
      this.error = error
      for (const run of runs) {
        this.#asked.delete(run)
        this.#spans.delete(run)
      }
    }
    this.loading -= 1
    this.changed()
  }
}

/** The spans of a trace, and a number that changes when there are more. */
export function useTraceSpans(trace: string): [TraceSpans, number] {
  const [spans, setSpans] = useState(() => new TraceSpans(trace))
  useEffect(() => {
    const next = new TraceSpans(trace)
    setSpans(next)
    return () => next.stop()
  }, [trace])
  return [spans, useSyncExternalStore(spans.subscribe, spans.version)]
}
