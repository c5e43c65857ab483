import { expect, test } from 'vitest'

import type { Log, Run, Span } from '../../api/types.ts'
import { traceRows, type RowOptions } from './rows.ts'
import { buildTree } from './tree.ts'

const run = (id: string, parent: string | null, startedAt: number) =>
  ({ id, parent, startedAt, endedAt: startedAt + 10, step: `Step-${id}`, kind: 'event', status: 'succeeded', invocationId: id, attempt: 1, error: null, spans: 1, deliveries: [] }) as unknown as Run
const span = (name: string, startUs: number): Span => ({ index: 0, name, startUs, durationUs: 10, error: null, detail: null })

const tree = buildTree({ runs: [run('a', null, 100), run('b', 'a', 105), run('c', null, 120)], running: [], waiting: [] })
const spans: Record<string, Span[]> = { a: [span('emit', 4_000)], b: [span('http', 0)] }
const log = { id: '1', at: 107, level: 'info', run: 'a', message: 'Sent' } as Log
const options: RowOptions = { startedAt: 100, now: 200, closed: new Set(), hasSpans: true, spansOf: (id) => spans[id] ?? [], logsOf: new Map([['a', [log]]]) }
const ids = (more: Partial<RowOptions>) => traceRows(tree, { ...options, ...more }).map(({ id, depth }) => `${id}@${depth}`).join(' ')

test('below a run are its spans, its records and what it caused, by time', () => {
  expect(ids({})).toBe('a@0 a-0@2 b@1 b-0@3 l1@1 c@0')
  expect(traceRows(tree, options)[1]).toMatchObject({ startUs: 4_000, durationUs: 10 })
  expect(traceRows(tree, options)[2]).toMatchObject({ startUs: 5_000, durationUs: 10_000, open: true })
})

test('what is closed hides all that is below it', () => {
  expect(ids({ closed: new Set(['a']) })).toBe('a@0 c@0')
})

test('what does not match is left out, except what it stands under', () => {
  expect(ids({ search: 'http' })).toBe('a@0 b@1 b-0@3')
  expect(ids({ search: 'step-c' })).toBe('c@0')
  expect(ids({ search: 'sent' })).toBe('a@0 l1@1')
  expect(ids({ errors: true })).toBe('')
})
