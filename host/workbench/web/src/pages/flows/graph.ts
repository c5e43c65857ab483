import { type Edge, type Node, Position as Side } from '@xyflow/react'

import type { Flow, FlowEdge, Position, Step } from '../../api/types.ts'
import { groupBy } from '../../group.ts'
import { type Direction, layout, linkKey, type Point } from './layout.ts'

export type StepNodeType = Node<{ step: Step; hasSource: boolean; hasTarget: boolean }, 'step'>
export type TopicEdgeType = Edge<{ label: string; topics: string[]; isLabel: boolean; virtual: boolean; conditional: boolean; lane: Point[] }, 'topic'>

export const NODE_WIDTH = 248
const LINE = 20

/** How large a step is drawn: a line more if it has a description, one less if it never runs. */
export function nodeSize(step: Step): { width: number; height: number } {
  const lines = (step.description ? 1 : 0) + (step.kind === 'noop' ? 0 : 1) + (triggerOf(step) ? 1 : 0)
  return { width: NODE_WIDTH, height: 46 + lines * LINE + (step.kind === 'noop' ? 0 : 8) }
}

/** What starts a step, in one line. */
export function triggerOf(step: Step): string {
  switch (step.kind) {
    case 'api':
      return step.path ?? ''
    case 'cron':
      return [step.cron, step.timezone].filter(Boolean).join(' ')
    case 'state':
      return `${step.watches?.groupId ?? '*'} / ${step.watches?.key ?? '*'}`
    case 'stream':
      return [step.watches?.streamName ?? '*', step.watches?.groupId ?? '*', step.watches?.itemId ?? '*'].join(' / ')
    case 'event':
      return step.subscribes.join(', ')
    default:
      return ''
  }
}

/** Where a layout puts the steps, and where edges pass others. */
export interface Arrangement {
  positions: Record<string, Position>
  lanes: Map<string, Point[]>
}

export function arranged(flow: Flow, steps: ReadonlyMap<string, Step>, direction: Direction): Arrangement {
  const boxes = flow.steps.flatMap((name) => {
    const step = steps.get(name)
    return step ? [{ id: name, ...nodeSize(step) }] : []
  })
  const handles = direction === 'right'
    ? ({ sourceHandlePosition: 'right', targetHandlePosition: 'left' } as const)
    : ({ sourceHandlePosition: 'bottom', targetHandlePosition: 'top' } as const)
  const { points, lanes } = layout(boxes, flow.edges, direction)
  return { positions: Object.fromEntries([...points].map(([name, point]) => [name, { ...point, ...handles }])), lanes }
}

/** Where all steps of a flow are: as they were saved, else as they are laid out. */
export function positionsOf(flow: Flow, arrangement: Arrangement): Record<string, Position> {
  return { ...arrangement.positions, ...flow.positions }
}

/** The lanes of edges whose ends are where one of the layouts has put them. */
export function lanesOf(flow: Flow, positions: Record<string, Position>, arrangements: Arrangement[]): Map<string, Point[]> {
  const isAt = (name: string, arrangement: Arrangement) => {
    const [is, was] = [positions[name], arrangement.positions[name]]
    return is?.x === was?.x && is?.y === was?.y && is?.sourceHandlePosition === was?.sourceHandlePosition
  }
  return new Map(
    flow.edges.flatMap((edge) => {
      const arrangement = arrangements.find((one) => isAt(edge.source, one) && isAt(edge.target, one))
      const lane = arrangement?.lanes.get(linkKey(edge))
      return lane ? [[linkKey(edge), lane] as const] : []
    }),
  )
}

const SIDES = { bottom: Side.Bottom, right: Side.Right, top: Side.Top, left: Side.Left }

export interface NodeOptions {
  selected: boolean
  editable: boolean
  /** Something leads to it, or from it. */
  hasTarget: boolean
  hasSource: boolean
}

/** A step as a node. Its size and its handles are known, so that nothing has to be measured. */
export function nodeOf(step: Step, position: Position, { selected, editable, hasTarget, hasSource }: NodeOptions): StepNodeType {
  const size = nodeSize(step)
  const source = SIDES[position.sourceHandlePosition ?? 'bottom']
  const target = SIDES[position.targetHandlePosition ?? 'top']
  const place = { [Side.Bottom]: [size.width / 2, size.height], [Side.Right]: [size.width, size.height / 2], [Side.Top]: [size.width / 2, 0], [Side.Left]: [0, size.height / 2] }
  const handle = (type: 'source' | 'target', side: Side) => ({ type, position: side, x: place[side][0] ?? 0, y: place[side][1] ?? 0, width: 1, height: 1 })
  return {
    id: step.name,
    type: 'step',
    position: { x: position.x, y: position.y },
    ...size,
    measured: size,
    sourcePosition: source,
    targetPosition: target,
    handles: [handle('source', source), handle('target', target)],
    data: { step, hasSource, hasTarget },
    selected,
    draggable: editable,
    connectable: false,
    deletable: false,
    ariaRole: 'button',
  }
}

/** All that leads from one step to another is one edge; it is virtual or conditional if all of that is. */
export function edgesOf(edges: readonly FlowEdge[], lanes: ReadonlyMap<string, Point[]>): TopicEdgeType[] {
  const pairs = groupBy(edges, linkKey)
  return [...pairs].flatMap(([id, parts]) => {
    const [first] = parts
    if (!first) return []
    const labels = unique(parts.map((part) => part.label ?? ''))
    const topics = unique(parts.map((part) => part.topic))
    const data = {
      label: (labels.length > 0 ? labels : topics).join(', '),
      isLabel: labels.length > 0,
      topics,
      virtual: parts.every((part) => part.kind === 'virtual'),
      conditional: parts.every((part) => part.conditional),
      lane: lanes.get(id) ?? [],
    }
    return [{ id, source: first.source, target: first.target, type: 'topic' as const, data, focusable: false, selectable: false, deletable: false }]
  })
}

function unique(words: string[]): string[] {
  return [...new Set(words.filter(Boolean))]
}

/** A path from the source through the lanes to the target, and the middle of its first lane. */
export function pathThrough(source: Point, lane: readonly Point[], target: Point, downwards: boolean): [path: string, x: number, y: number] {
  const points = [source, ...lane, target]
  const parts = points.slice(1).map((to, index) => {
    const from = points[index] ?? source
    // Lanes are straight; what leads to them and from them is curved.
    if (index % 2 === 1) return `L${to.x},${to.y}`
    const [x, y] = [(from.x + to.x) / 2, (from.y + to.y) / 2]
    return downwards ? `C${from.x},${y} ${to.x},${y} ${to.x},${to.y}` : `C${x},${from.y} ${x},${to.y} ${to.x},${to.y}`
  })
  const [enter = source, leave = target] = lane
  return [`M${source.x},${source.y} ${parts.join(' ')}`, (enter.x + leave.x) / 2, (enter.y + leave.y) / 2]
}
