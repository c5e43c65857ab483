import { useEffect, useEffectEvent, useSyncExternalStore } from 'react'

import { apiUrl } from './client.ts'
import { backoffMs, readEvents } from './events.ts'
import type { Figures, Log, Project, Run, RunningInfo } from './types.ts'

export type LiveTopic = 'runs' | 'logs' | 'figures' | 'project'

/** What the host tells; `gap`: until now nobody listened, so what may have happened meanwhile must be fetched. */
export type LiveEvent =
  | { topic: 'runs'; data: { started: RunningInfo[]; ended: Run[]; skipped: number } }
  | { topic: 'logs'; data: { items: Log[]; skipped: number } }
  | { topic: 'figures'; data: Figures }
  | { topic: 'project'; data: Project }
  | { topic: 'gap' }

export interface LiveFilter {
  step?: string
  traceId?: string
}

export type LiveState = 'idle' | 'connecting' | 'live' | 'lost'

interface Subscriber {
  topics: LiveTopic[]
  onEvent: (event: LiveEvent) => void
  /** Something may have happened that it was not told. */
  hasMissed: boolean
}

/** How long a hidden tab stays connected. */
const HIDDEN_MS = 5_000

/** The tab's one connection to `live`; it asks for all topics that somebody wants. */
export class LiveConnection {
  #subscribers = new Set<Subscriber>()
  #stateListeners = new Set<() => void>()
  #state: LiveState = 'idle'
  #topics = ''
  /** The topics that the host tells about. */
  #open: ReadonlySet<string> = new Set()
  #connection: AbortController | null = null
  #hidden: ReturnType<typeof setTimeout> | undefined

  constructor() {
    document.addEventListener('visibilitychange', () => {
      clearTimeout(this.#hidden)
      if (document.hidden) this.#hidden = setTimeout(() => this.#close(), HIDDEN_MS)
      else this.#adjust()
    })
  }

  subscribe(topics: LiveTopic[], onEvent: (event: LiveEvent) => void): () => void {
    const subscriber = { topics, onEvent, hasMissed: !topics.every((topic) => this.#open.has(topic)) }
    this.#subscribers.add(subscriber)
    queueMicrotask(() => this.#adjust())
    return () => {
      this.#subscribers.delete(subscriber)
      queueMicrotask(() => this.#adjust())
    }
  }

  readonly state = (): LiveState => this.#state

  readonly onState = (listener: () => void): (() => void) => {
    this.#stateListeners.add(listener)
    return () => this.#stateListeners.delete(listener)
  }

  #adjust(): void {
    const wanted = [...new Set([...this.#subscribers].flatMap(({ topics }) => topics))].sort().join(',')
    if (wanted === this.#topics && this.#connection) return
    // A topic that nobody wants any more is not worth another connection.
    const isCovered = this.#connection && wanted.split(',').every((topic) => this.#topics.split(',').includes(topic))
    if (wanted !== '' && isCovered) return
    this.#topics = wanted
    if (wanted === '' || document.hidden) this.#close()
    else void this.#run(wanted, this.#connection)
  }

  /** Stays connected. The connection with fewer topics goes on until this one is there, so that nothing is missed. */
  async #run(topics: string, before: AbortController | null): Promise<void> {
    const controller = new AbortController()
    this.#connection = controller
    if (!before) this.#set('connecting')
    let failures = 0
    const onOpen = () => {
      failures = 0
      before?.abort()
      this.#open = new Set(topics.split(','))
      this.#set('live')
      for (const subscriber of this.#subscribers) {
        if (subscriber.hasMissed && subscriber.topics.every((topic) => this.#open.has(topic))) {
          subscriber.hasMissed = false
          subscriber.onEvent({ topic: 'gap' })
        }
      }
    }
    while (!controller.signal.aborted) {
      await readEvents(apiUrl('live', { topics }), controller.signal, (event) => {
        this.#send({ topic: event.event, data: JSON.parse(event.data) } as LiveEvent)
      }, onOpen).catch(() => undefined)
      if (controller.signal.aborted) break
      this.#miss()
      this.#set('lost')
      await pause(backoffMs(failures++), controller.signal)
    }
    before?.abort()
  }

  #send(event: LiveEvent): void {
    for (const { topics, onEvent } of this.#subscribers) {
      if (event.topic !== 'gap' && topics.includes(event.topic)) onEvent(event)
    }
  }

  #miss(): void {
    this.#open = new Set()
    for (const subscriber of this.#subscribers) subscriber.hasMissed = true
  }

  #close(): void {
    this.#miss()
    this.#connection?.abort()
    this.#connection = null
    this.#set('idle')
  }

  #set(state: LiveState): void {
    if (state === this.#state) return
    this.#state = state
    for (const listener of this.#stateListeners) listener()
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms)
    signal.addEventListener('abort', () => {
      clearTimeout(timer)
      resolve()
    })
  })
}

const live = new LiveConnection()

/** How the connection is, for people. */
export function useLiveState(): LiveState {
  return useSyncExternalStore(live.onState, live.state)
}

/** Calls `handler` with what the host tells about the topics, while the component is shown. */
export function useLive(topics: LiveTopic[], handler: (event: LiveEvent) => void, filter: LiveFilter = {}): void {
  const onEvent = useEffectEvent((event: LiveEvent) => {
    const kept = filtered(event, filter)
    if (kept) handler(kept)
  })
  const key = topics.join(',')
  useEffect(() => {
    if (key === '') return
    return live.subscribe(key.split(',') as LiveTopic[], (event) => onEvent(event))
  }, [key])
}

/** The part of an event that a filter lets through; null if nothing is left. */
export function filtered(event: LiveEvent, { step, traceId }: LiveFilter): LiveEvent | null {
  if (!step && !traceId) return event
  const matches = (row: { step: string; traceId: string }) =>
    (!step || row.step === step) && (!traceId || row.traceId === traceId)
  if (event.topic === 'logs') {
    const items = event.data.items.filter(matches)
    return items.length > 0 ? { topic: 'logs', data: { ...event.data, items } } : null
  }
  if (event.topic !== 'runs') return event
  const started = event.data.started.filter(matches)
  const ended = event.data.ended.filter(matches)
  return started.length + ended.length > 0 ? { topic: 'runs', data: { ...event.data, started, ended } } : null
}
