import type { Delivery, Run, RunningInfo, Span, Trace } from '../../api/types.ts'

/** A run with what it has caused. */
export interface RunNode {
  type: 'run'
  id: string
  at: number
  run: Run | RunningInfo
  children: TraceNode[]
}

/** A delivery that no run attempts at the moment. */
export interface WaitingNode {
  type: 'waiting'
  id: string
  at: number
  delivery: Delivery
}

export type TraceNode = RunNode | WaitingNode

/**
 * The runs of a trace under the runs that have caused them. What waits is under the run that has emitted its event, as
 * far as `emitters` knows it, or else beside the runs of the same event.
 */
export function buildTree(trace: Pick<Trace, 'runs' | 'running' | 'waiting'>, emitters: ReadonlyMap<string, string> = new Map()): TraceNode[] {
  const nodes = new Map<string, RunNode>()
  const add = (run: Run | RunningInfo) => nodes.set(run.id, { type: 'run', id: run.id, at: run.startedAt, run, children: [] })
  for (const run of trace.running) add(run)
  // One that has ended meanwhile is in both lists.
  for (const run of trace.runs) add(run)

  const parents = new Map(trace.runs.map(({ eventId, parent }) => [eventId, parent]))
  const isAttempted = new Set(trace.running.flatMap(({ deliveries }) => deliveries))
  const waiting = trace.waiting
    .filter(({ id }) => !isAttempted.has(id))
    .map((delivery): WaitingNode => ({ type: 'waiting', id: `d${delivery.id}`, at: Math.max(delivery.emittedAt, delivery.dueAt), delivery }))

  const roots: TraceNode[] = []
  const place = (node: TraceNode, parent: string | null | undefined) => {
    const above = parent != null && parent !== node.id ? nodes.get(parent) : undefined
    if (above) above.children.push(node)
    else roots.push(node)
  }
  for (const node of nodes.values()) place(node, node.run.parent)
  for (const node of waiting) place(node, emitters.get(node.delivery.eventId) ?? parents.get(node.delivery.eventId))
  rescue(nodes, roots)
  roots.sort(byTime)
  for (const node of nodes.values()) node.children.sort(byTime)
  return roots
}

const byTime = (one: TraceNode, other: TraceNode) => one.at - other.at || (one.id < other.id ? -1 : 1)

/** Runs that are each other's parents would never be shown: they become roots. */
function rescue(nodes: Map<string, RunNode>, roots: TraceNode[]): void {
  const reached = new Set<string>()
  const reach = (start: TraceNode) => {
    const stack = [start]
    for (let node = stack.pop(); node; node = stack.pop()) {
      if (node.type !== 'run' || reached.has(node.id)) continue
      reached.add(node.id)
      stack.push(...node.children)
    }
  }
  roots.forEach(reach)
  const lost = [...nodes.values()].filter(({ id }) => !reached.has(id))
  for (const node of lost.sort(byTime)) {
    if (reached.has(node.id)) continue
    for (const other of nodes.values()) other.children = other.children.filter(({ id }) => id !== node.id)
    roots.push(node)
    reach(node)
  }
}

/** Which run has emitted an event, of the spans that are there. */
export function emittersOf(runs: readonly Run[], spansOf: (run: string) => readonly Span[]): Map<string, string> {
  const emitters = new Map<string, string>()
  for (const { id } of runs) {
    for (const { name, detail } of spansOf(id)) if (name === 'emit' && typeof detail?.eventId === 'string') emitters.set(detail.eventId, id)
  }
  return emitters
}

export interface TraceError {
  /** The last attempt that has failed. */
  run: Run
  /** A later attempt has succeeded, or there will be another one: it is not the end of it. */
  outcome: 'failed' | 'retried' | 'recovered'
  /** How many invocations of the step have failed with the same error and outcome. */
  count: number
}

const ORDER: TraceError['outcome'][] = ['failed', 'retried', 'recovered']

/** What has failed, the same only once: first what nothing has mended. */
export function errorsOf({ runs, running, waiting }: Pick<Trace, 'runs' | 'running' | 'waiting'>): TraceError[] {
  const recovered = new Set(runs.filter(({ status }) => status === 'succeeded').map(({ invocationId }) => invocationId))
  const open = new Set([...waiting.map(({ id }) => id), ...running.flatMap(({ deliveries }) => deliveries)])
  const last = new Map<string, Run>()
  for (const run of runs) {
    const known = last.get(run.invocationId)
    if (run.status === 'failed' && (!known || run.attempt >= known.attempt)) last.set(run.invocationId, run)
  }
  const errors = new Map<string, TraceError>()
  for (const run of last.values()) {
    const outcome = recovered.has(run.invocationId) ? 'recovered' : run.delivery !== null && open.has(run.delivery) ? 'retried' : 'failed'
    const key = JSON.stringify([outcome, run.step, run.error?.code, run.error?.message])
    const known = errors.get(key)
    if (known) known.count += 1
    else errors.set(key, { run, outcome, count: 1 })
  }
  return [...errors.values()].sort((one, other) => ORDER.indexOf(one.outcome) - ORDER.indexOf(other.outcome) || one.run.startedAt - other.run.startedAt)
}
