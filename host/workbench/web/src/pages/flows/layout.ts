/**
 * A layered layout. Every node has the layer behind its furthest predecessor; within a layer, nodes are ordered by where
 * their neighbours are, so that few edges cross, and pulled towards them. A link that passes layers has a small node in
 * each, so that there is a lane for it. What is not connected is laid out by itself, one below the other.
 */

import { groupBy } from '../../group.ts'

export interface Box {
  id: string
  width: number
  height: number
}

export interface Link {
  source: string
  target: string
}

export interface Point {
  x: number
  y: number
}

export type Direction = 'right' | 'down'

/** Between layers there is room for labels. */
const LAYER_GAP = 130
const NODE_GAP = 36
const GROUP_GAP = 72
const SWEEPS = 8
/** How wide the lane of a link that passes a layer is. */
const LANE = 14

export interface Layout {
  /** The upper left corners. */
  points: Map<string, Point>
  /** For links that pass layers, by `linkKey`: where each of these is entered and left. */
  lanes: Map<string, Point[]>
}

export function linkKey({ source, target }: Link): string {
  return JSON.stringify([source, target])
}

/** A node in the layout's own axes: layers follow each other along `main`, their nodes along `cross`. */
interface Placed extends Box {
  layer: number
  size: number
  length: number
  cross: number
  /** It is the lane of this link. */
  lane: string | null
  neighbours: { before: Placed[]; after: Placed[] }
}

export function layout(boxes: readonly Box[], links: readonly Link[], direction: Direction): Layout {
  const nodes = new Map(boxes.map((box) => [box.id, placed(box, direction)]))
  for (const { source, target } of withoutCycles(nodes, links)) {
    const [from, to] = [nodes.get(source), nodes.get(target)]
    if (!from || !to) continue
    from.neighbours.after.push(to)
    to.neighbours.before.push(from)
  }
  const made: Layout = { points: new Map(), lanes: new Map() }
  let offset = 0
  for (const group of connected([...nodes.values()])) {
    const layers = withLanes(layersOf(group))
    order(layers)
    align(layers)
    offset = place(layers, offset, direction, made) + GROUP_GAP
  }
  return made
}

function placed(box: Box, direction: Direction): Placed {
  const [size, length] = direction === 'right' ? [box.height, box.width] : [box.width, box.height]
  return { ...box, layer: 0, size, length, cross: 0, lane: null, neighbours: { before: [], after: [] } }
}

/** The links but for those that lead back to where a walk came from. */
function withoutCycles(nodes: Map<string, Placed>, links: readonly Link[]): Link[] {
  const from = groupBy(links, (link) => link.source)
  const state = new Map<string, 'open' | 'done'>()
  const kept: Link[] = []
  const visit = (id: string) => {
    state.set(id, 'open')
    for (const link of from.get(id) ?? []) {
      if (state.get(link.target) === 'open') continue
      kept.push(link)
      if (!state.has(link.target)) visit(link.target)
    }
    state.set(id, 'done')
  }
  const targets = new Set(links.map((link) => link.target))
  const beginnings = [...nodes.keys()].sort((one, other) => Number(targets.has(one)) - Number(targets.has(other)))
  for (const id of beginnings) if (!state.has(id)) visit(id)
  return kept
}

/** Groups of nodes that have to do with each other, larger ones first. */
function connected(nodes: Placed[]): Placed[][] {
  const seen = new Set<Placed>()
  const groups: Placed[][] = []
  for (const start of nodes) {
    if (seen.has(start)) continue
    const group = [start]
    seen.add(start)
    for (const node of group) {
      for (const next of [...node.neighbours.before, ...node.neighbours.after]) {
        if (seen.has(next)) continue
        seen.add(next)
        group.push(next)
      }
    }
    groups.push(group)
  }
  return groups.sort((one, other) => other.length - one.length)
}

function layersOf(group: Placed[]): Placed[][] {
  const waiting = new Map(group.map((node) => [node, node.neighbours.before.length]))
  const ready = group.filter((node) => node.neighbours.before.length === 0)
  for (const node of ready) {
    for (const next of node.neighbours.after) {
      next.layer = Math.max(next.layer, node.layer + 1)
      const left = (waiting.get(next) ?? 0) - 1
      waiting.set(next, left)
      if (left === 0) ready.push(next)
    }
  }
  // A beginning stands right before what it leads to.
  for (const node of group.filter(({ neighbours }) => neighbours.before.length === 0 && neighbours.after.length > 0)) {
    node.layer = Math.min(...node.neighbours.after.map((next) => next.layer)) - 1
  }
  const layers: Placed[][] = []
  for (const node of group) (layers[node.layer] ??= []).push(node)
  return layers.filter(Boolean)
}

/** Puts a node of no length into each layer that a link passes. */
function withLanes(layers: Placed[][]): Placed[][] {
  layers.forEach((layer, at) => layer.forEach((node) => (node.layer = at)))
  for (const node of layers.flat()) {
    node.neighbours.after = node.neighbours.after.map((next) => {
      let last = next
      for (let at = next.layer - 1; at > node.layer; at--) {
        const neighbours = { before: [node], after: [last] }
        const key = linkKey({ source: node.id, target: next.id })
        const lane: Placed = { id: '', width: 0, height: 0, layer: at, size: LANE, length: 0, cross: 0, lane: key, neighbours }
        last.neighbours.before = last.neighbours.before.map((before) => (before === node ? lane : before))
        layers[at]?.push(lane)
        last = lane
      }
      return last
    })
  }
  return layers
}

/** Sorts each layer by the mean place of the neighbours, forth and back. */
function order(layers: Placed[][]): void {
  const places = new Map<Placed, number>()
  const note = (layer: Placed[]) => layer.forEach((node, index) => places.set(node, index - layer.length / 2))
  layers.forEach(note)
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    const forth = sweep % 2 === 0
    for (const layer of forth ? layers : layers.toReversed()) {
      const wish = (node: Placed) => mean(side(node, forth).map((next) => places.get(next) ?? 0)) ?? places.get(node) ?? 0
      const wishes = new Map(layer.map((node) => [node, wish(node)]))
      layer.sort((one, other) => (wishes.get(one) ?? 0) - (wishes.get(other) ?? 0))
      note(layer)
    }
  }
}

/** Moves nodes towards their neighbours as far as the order within the layers lets them. */
function align(layers: Placed[][]): void {
  for (const layer of layers) spread(layer, () => 0)
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    const forth = sweep % 2 === 0
    for (const layer of forth ? layers : layers.toReversed()) {
      spread(layer, (node) => mean(side(node, forth).map((next) => next.cross + next.size / 2)) ?? node.cross + node.size / 2)
    }
  }
}

function side(node: Placed, before: boolean): Placed[] {
  return before ? node.neighbours.before : node.neighbours.after
}

/**
 * Puts the nodes of a layer as near to their wished middles as their sizes allow: those that would overlap form a block
 * that stands at the mean of their wishes.
 */
function spread(layer: Placed[], wish: (node: Placed) => number): void {
  interface Block { nodes: Placed[]; start: number; size: number; sum: number }
  const blocks: Block[] = []
  for (const node of layer) {
    let block: Block = { nodes: [node], start: 0, size: node.size, sum: wish(node) - node.size / 2 }
    block.start = block.sum
    for (let last = blocks.at(-1); last && last.start + last.size + NODE_GAP > block.start; last = blocks.at(-1)) {
      blocks.pop()
      const shift = last.size + NODE_GAP
      const sum = last.sum + block.sum - shift * block.nodes.length
      const nodes = [...last.nodes, ...block.nodes]
      block = { nodes, start: sum / nodes.length, size: shift + block.size, sum }
    }
    blocks.push(block)
  }
  for (const { nodes, start } of blocks) {
    let at = start
    for (const node of nodes) {
      node.cross = at
      at += node.size + NODE_GAP
    }
  }
}

function mean(numbers: number[]): number | null {
  return numbers.length === 0 ? null : numbers.reduce((sum, number) => sum + number, 0) / numbers.length
}

/** Writes where the nodes of a group are, which begins at `offset`, and says where it ends. */
function place(layers: Placed[][], offset: number, direction: Direction, { points, lanes }: Layout): number {
  const pointAt = (main: number, cross: number): Point => (direction === 'right' ? { x: main, y: cross } : { x: cross, y: main })
  const first = Math.min(...layers.flat().map((node) => node.cross))
  let main = 0
  let end = offset
  for (const layer of layers) {
    const length = Math.max(...layer.map((node) => node.length))
    for (const node of layer) {
      const cross = Math.round(offset + node.cross - first)
      end = Math.max(end, cross + node.size)
      if (node.lane === null) {
        points.set(node.id, pointAt(main, cross))
      } else {
        const middle = cross + node.size / 2
        lanes.set(node.lane, [...(lanes.get(node.lane) ?? []), pointAt(main, middle), pointAt(main + length, middle)])
      }
    }
    main += length + (direction === 'right' ? LAYER_GAP : LAYER_GAP / 1.6)
  }
  return end
}
