import { expect, test } from 'vitest'

import { type Box, layout, type Link } from './layout.ts'

const boxes = (ids: string): Box[] => [...ids].map((id) => ({ id, width: 240, height: 100 }))
const links = (...pairs: string[]): Link[] => pairs.map((pair) => ({ source: pair[0] ?? '', target: pair[1] ?? '' }))

test('every node is behind those that lead to it, and none overlap', () => {
  const nodes = boxes('abcdefg')
  const { points } = layout(nodes, links('ab', 'ac', 'bd', 'cd', 'de', 'ae', 'fg'), 'right')
  expect(points.size).toBe(7)
  for (const [before, after] of ['ab', 'bd', 'cd', 'de', 'fg']) {
    expect(points.get(before ?? '')?.x).toBeLessThan(points.get(after ?? '')?.x ?? 0)
  }
  for (const one of nodes) {
    for (const other of nodes) {
      if (one === other) continue
      const [a, b] = [points.get(one.id), points.get(other.id)]
      if (!a || !b) throw new Error('a node has no place')
      expect(Math.abs(a.x - b.x) >= 240 || Math.abs(a.y - b.y) >= 100).toBe(true)
    }
  }
})

test('cycles and steps that trigger themselves end', () => {
  const { points } = layout(boxes('abc'), links('ab', 'bc', 'ca', 'aa'), 'down')
  expect([...points.values()].map((point) => point.y)).toEqual([...new Set([...points.values()].map((point) => point.y))])
})

test('a single chain is a straight line', () => {
  const { points } = layout(boxes('abcd'), links('ab', 'bc', 'cd'), 'right')
  expect(new Set([...points.values()].map((point) => point.y)).size).toBe(1)
})

test('a link that passes a layer has a lane that no node is in', () => {
  const nodes = boxes('abcd')
  const { points, lanes } = layout(nodes, links('ab', 'ac', 'bd', 'cd', 'ad'), 'right')
  const [enter, leave] = lanes.get('["a","d"]') ?? []
  if (!enter || !leave) throw new Error('there is no lane')
  expect(leave.x - enter.x).toBe(240)
  for (const id of 'bc') {
    const top = points.get(id)?.y ?? 0
    expect(enter.y < top || enter.y > top + 100).toBe(true)
  }
})
