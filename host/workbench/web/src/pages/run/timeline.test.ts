import { expect, test } from 'vitest'

import type { Log, Span } from '../../api/types.ts'
import { firstOf, timelineRows, wholeOf } from './timeline.ts'

const span = (index: number, name: string, startUs: number, durationUs: number, error: string | null = null): Span => ({
  index, name, startUs, durationUs, error, detail: { topic: `t${index}` },
})
const log = (id: string, at: number, message: string): Log => ({ id, at, level: 'info', step: 'S', run: 'r', traceId: 't', message, args: null })

const spans = [span(0, 'queue', -5_000, 5_000), span(1, 'guest', 200, 9_000), span(2, 'emit', 3_000, 10), span(3, 'emit', 8_000, 10, 'refused')]
const logs = [log('a', 999, 'Begun'), log('b', 1_002, 'Half')]
const ids = (rows: { id: string }[]) => rows.map(({ id }) => id).join(' ')

test('records stand among the spans at their times', () => {
  const rows = timelineRows(spans, logs, 1_000, { logs: true })
  expect(ids(rows)).toBe('s0 la s1 lb s2 s3')
  expect(rows.map(({ depth, startUs }) => [depth, startUs])).toEqual([[0, -5_000], [1, 0], [0, 200], [1, 2_000], [1, 3_000], [1, 8_000]])
})

test('rows are found by words of their details and by their errors', () => {
  expect(ids(timelineRows(spans, logs, 1_000, { logs: true, search: 'T2' }))).toBe('s2')
  expect(ids(timelineRows(spans, logs, 1_000, { logs: true, search: 'half' }))).toBe('lb')
  expect(ids(timelineRows(spans, logs, 1_000, { logs: true, errors: true }))).toBe('s3')
  expect(ids(timelineRows(spans, logs, 1_000, { logs: false }))).toBe('s0 s1 s2 s3')
})

test('a long wait does not make the run too small to be seen', () => {
  expect(wholeOf(spans, 10_000)).toEqual({ from: -5_000, to: 10_000 })
  const waited = wholeOf([span(0, 'queue', -60e6, 60e6)], 10_000)
  expect(firstOf(waited)).toEqual({ from: -800, to: 10_000 })
  expect(firstOf({ from: -100, to: 200 })).toEqual({ from: -100, to: 200 })
})
