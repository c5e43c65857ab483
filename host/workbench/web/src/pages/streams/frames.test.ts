import { expect, test } from 'vitest'
import type { StreamFrame } from '../../api/types.ts'
import { EMPTY_GROUP, withFrames, withListed } from './frames.ts'

const frame = (event: StreamFrame['event'], offset?: number, id?: string): StreamFrame => ({
  timestamp: 1000 + (offset ?? 0),
  streamName: 's',
  groupId: 'g',
  event,
  ...(offset === undefined ? {} : { offset }),
  ...(id === undefined ? {} : { id }),
})

test('frames make the items and the list of changes', () => {
  const group = withFrames(EMPTY_GROUP, [
    frame(
      {
        type: 'sync',
        data: [
          { id: 'a', n: 1 },
          { id: 'b', n: 1 },
        ],
      },
      4,
    ),
    frame({ type: 'update', data: { id: 'a', n: 2 } }, 5),
    frame({ type: 'create', data: { id: 'c', n: 1 } }, 6),
    frame({ type: 'delete', data: { id: 'b', n: 1 } }, 7),
    frame({ type: 'event', event: { type: 'typing', data: 'ann' } }),
  ])
  expect([...group.items.values()].map(({ id, data, offset }) => [id, data, offset])).toEqual([
    ['a', { id: 'a', n: 2 }, 5],
    ['c', { id: 'c', n: 1 }, 6],
  ])
  expect(group.offset).toBe(7)
  expect(group.happenings.map(({ type, id }) => [type, id])).toEqual([
    ['typing', null],
    ['delete', 'b'],
    ['create', 'c'],
    ['update', 'a'],
  ])
  expect(EMPTY_GROUP.items.size).toBe(0)
})

test('a snapshot after a reconnect drops what is gone; the list says offsets that it lacks', () => {
  let group = withFrames(EMPTY_GROUP, [frame({ type: 'update', data: { id: 'a', n: 2 } }, 5), frame({ type: 'update', data: 'text' }, 6, 'x')])
  group = withFrames(group, [
    frame(
      {
        type: 'sync',
        data: [
          { id: 'a', n: 2 },
          { id: 'd', n: 1 },
        ],
      },
      9,
    ),
  ])
  expect([...group.items.keys()]).toEqual(['a', 'd'])
  group = withListed(group, [
    { id: 'a', data: {}, offset: 1, updatedAt: 1 },
    { id: 'd', data: {}, offset: 8, updatedAt: 8 },
  ])
  expect([...group.items.values()].map(({ offset }) => offset)).toEqual([5, 8])
})
