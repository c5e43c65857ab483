import { expect, test } from 'vitest'
import type { DeadLetter } from '../../api/types.ts'
import { groupLetters, patternOf } from './groups.ts'

test('a pattern leaves out what differs from letter to letter', () => {
  expect(patternOf('order 1042 not found')).toBe('order # not found')
  expect(patternOf('timeout after 30.5 s at 2026-11-22T10:00:00Z\n  at x')).toBe('timeout after # s at …')
  expect(patternOf('no user "ann" (0b0f9c1e-6f3a-4f0e-9d5c-1f2e3d4c5b6a)')).toBe('no user "…" (…)')
  expect(patternOf('charge ch_3NqX81aB02 was declined')).toBe('charge … was declined')
  expect(patternOf('connection refused by upstream')).toBe('connection refused by upstream')
})

test('letters are grouped by step, code and pattern, the newest first', () => {
  const letter = (id: string, step: string, code: string, message: string, diedAt: number): DeadLetter => ({
    id,
    eventId: id,
    tenant: 'default',
    step,
    kind: 'event',
    topic: 't',
    data: {},
    headers: null,
    traceId: 'T',
    messageGroupId: null,
    blocks: null,
    emittedAt: 0,
    diedAt,
    errors: [
      { attempt: 1, code: 'x', message: 'first', failedAt: 0 },
      { attempt: 2, code, message, failedAt: diedAt },
    ],
  })
  const groups = groupLetters([
    letter('1', 'A', 'handler_failed', 'order 1 not found', 10),
    letter('2', 'A', 'handler_failed', 'order 22 not found', 30),
    letter('3', 'B', 'handler_failed', 'order 3 not found', 20),
    letter('4', 'A', 'handler_timeout', 'order 3 not found', 40),
  ])
  expect(groups.map((group) => [group.step, group.code, group.letters.length, group.newestAt])).toEqual([
    ['A', 'handler_timeout', 1, 40],
    ['A', 'handler_failed', 2, 30],
    ['B', 'handler_failed', 1, 20],
  ])
})
