import { expect, test } from 'vitest'

import type { JsonObject, Span } from '../api/types.ts'
import { changeOf, summaryOf } from './span.ts'

const entry = { groupId: 'orders', key: '7' }
const span = (index: number, name: string, detail: JsonObject): Span => ({ index, name, startUs: index, durationUs: 1, error: null, detail })

test('what a change does not say itself is what the run saw before', () => {
  const spans = [
    span(0, 'state.get', { ...entry, value: 1 }),
    span(1, 'state.get', { groupId: 'orders', key: '8', value: 9 }),
    span(2, 'state.update', { ...entry, value: 2 }),
    span(3, 'state.set', { ...entry, value: 3, oldValue: 2 }),
    span(4, 'state.delete', { ...entry, oldValue: 3 }),
    span(5, 'state.update', { ...entry, value: 4 }),
    span(6, 'stream.set', { streamName: 'chat', groupId: 'g', id: 'i', data: {} }),
  ]
  expect(changeOf(spans[2]!, spans)).toEqual({ before: 1, after: 2 })
  expect(changeOf(spans[3]!, spans)).toEqual({ before: 2, after: 3 })
  expect(changeOf(spans[4]!, spans)).toEqual({ before: 3, after: null })
  expect(changeOf(spans[5]!, spans)).toEqual({ before: null, after: 4 })
  expect(changeOf(spans[6]!, spans)).toEqual({ before: undefined, after: {} })
  expect(changeOf(spans[0]!, spans)).toBeNull()
})

test('a span says what it is about', () => {
  expect(summaryOf(span(0, 'state.get', entry))).toBe('orders / 7')
  expect(summaryOf(span(0, 'http', { method: 'GET', url: 'https://example.com/' }))).toBe('GET https://example.com/')
  expect(summaryOf({ ...span(0, 'guest', {}), detail: null })).toBe('')
})
