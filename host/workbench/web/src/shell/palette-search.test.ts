import { expect, test } from 'vitest'

import { idsOf, search } from './palette-search.ts'

const entries = [
  { id: '1', title: 'Runs', group: 'Pages' },
  { id: '2', title: 'PlaceOrder', group: 'Steps', hint: 'steps/orders/place.step.ts' },
  { id: '3', title: 'orders', group: 'Flows' },
]

test('all words must be there, and titles count most', () => {
  expect(search(entries, 'order').map(({ id }) => id)).toEqual(['3', '2'])
  expect(search(entries, 'place step').map(({ id }) => id)).toEqual(['2'])
  expect(search(entries, 'nothing')).toEqual([])
  expect(search(entries, '')).toHaveLength(3)
})

test('ids of runs and traces are known by their form', () => {
  expect(idsOf(' 1a20667f3ef01f3b ')).toEqual({ run: '1a20667f3ef01f3b' })
  expect(idsOf('F3DSU-8668645')).toEqual({ trace: 'F3DSU-8668645' })
  expect(idsOf('order')).toEqual({})
})
