import { expect, test } from 'vitest'

import type { Run, RunningInfo } from '../../api/types.ts'
import { matches } from './run-source.ts'

const running: RunningInfo = { id: '0a', step: 'Pay', traceId: 'T-1', deliveries: [], attempt: 1, startedAt: 1_000, kind: 'event', parent: null }
const failed = { ...running, status: 'failed', endedAt: 1_500, error: { code: 'x', message: 'Card declined' } } as unknown as Run

test('live runs are filtered as the host filters', () => {
  const is = (row: Run | RunningInfo, filter: Parameters<typeof matches>[1]) => matches(row, filter, new Set(['Pay']), 2_000)
  expect(is(failed, { search: 'DECLINED', status: 'failed', kind: 'event', flow: 'orders', roots: true })).toBe(true)
  expect(is(running, { status: 'failed' })).toBe(false)
  expect(is(running, { status: 'running', minMs: 1_000 })).toBe(true)
  expect(is(failed, { minMs: 501 })).toBe(false)
  expect(is({ ...failed, attempt: 2 }, { roots: true })).toBe(false)
  expect(is(failed, { until: '1000' })).toBe(false)
  expect(matches(failed, { flow: 'orders' }, undefined, 2_000)).toBe(false)
})
