import { expect, test } from 'vitest'

import type { Delivery, Run, RunningInfo } from '../../api/types.ts'
import { buildTree, errorsOf, type TraceNode } from './tree.ts'

const run = (id: string, parent: string | null, startedAt: number, more: Partial<Run> = {}): Run =>
  ({ id, parent, startedAt, endedAt: startedAt + 5, step: id, invocationId: id, attempt: 1, status: 'succeeded', delivery: null, eventId: null, ...more }) as Run
const going = (id: string, parent: string | null, deliveries: string[]) => ({ id, parent, startedAt: 50, deliveries, attempt: 1 }) as RunningInfo
const delivery = (id: string, eventId: string) => ({ id, eventId, emittedAt: 60, dueAt: 70, why: 'it is about to run' }) as Delivery

const shape = (nodes: TraceNode[]): unknown[] => nodes.map((node) => (node.type === 'run' && node.children.length > 0 ? [node.id, ...shape(node.children)] : node.id))

test('runs stand under what has caused them, by time, and what waits under what has emitted it', () => {
  const runs = [run('a', 'foreign', 0), run('c', 'a', 20, { eventId: '8', delivery: '3' }), run('b', 'a', 10)]
  const tree = buildTree({ runs, running: [going('e', 'b', ['5'])], waiting: [delivery('3', '8'), delivery('4', '9'), delivery('5', '7')] }, new Map([['9', 'c']]))
  expect(shape(tree)).toEqual([['a', ['b', 'e'], ['c', 'd4'], 'd3']])
})

test('a run that is in both lists is there once, and nothing is lost in a circle', () => {
  const runs = [run('a', 'a', 0), run('b', 'c', 1), run('c', 'b', 2), run('d', 'c', 3)]
  const tree = buildTree({ runs, running: [going('d', 'c', [])], waiting: [] })
  expect(shape(tree)).toEqual(['a', ['b', ['c', 'd']]])
})

test('a chain of 10,000 runs is no problem', () => {
  const runs = Array.from({ length: 10_000 }, (_, at) => run(`r${at}`, at > 0 ? `r${at - 1}` : null, at))
  expect(buildTree({ runs, running: [], waiting: [] })).toHaveLength(1)
})

test('what nothing has mended comes first of what has failed', () => {
  const failed = { status: 'failed' as const }
  const runs = [
    run('mended1', null, 0, { ...failed, invocationId: 'm', delivery: '1' }),
    run('mended2', null, 1, { invocationId: 'm', attempt: 2, delivery: '1' }),
    run('waits', null, 2, { ...failed, delivery: '2' }),
    run('dead1', null, 3, { ...failed, invocationId: 'x', delivery: '3' }),
    run('dead2', null, 4, { ...failed, invocationId: 'x', attempt: 2, delivery: '3' }),
    run('dead3', null, 5, { ...failed, step: 'dead2' }),
  ]
  const errors = errorsOf({ runs, running: [], waiting: [delivery('2', '8')] })
  expect(errors.map(({ run: { id }, outcome, count }) => `${id} ${outcome} ${count}`)).toEqual(['dead2 failed 2', 'waits retried 1', 'mended1 recovered 1'])
})
