import { expect, test } from 'vitest'

import type { Log } from '../../api/types.ts'
import { matches, toLine, toNdjson } from './log-source.ts'

const log: Log = { id: '0a', at: 1_000, level: 'warn', step: 'Pay', run: '09', traceId: 'T-1', message: 'Slow answer', args: { provider: 'Acme' } }

test('live records are filtered as the host filters', () => {
  const is = (filter: Parameters<typeof matches>[1]) => matches(log, filter, 2_000)
  expect(is({ level: 'info', step: 'Pay', traceId: 'T-1', run: '09', search: 'ACME', since: '1000' })).toBe(true)
  expect(is({ level: 'error' })).toBe(false)
  expect(is({ search: 'missing' })).toBe(false)
  expect(is({ until: '1000' })).toBe(false)
})

test('records are written one a line', () => {
  expect(toLine(log)).toBe('1970-01-01T00:00:01.000Z WARN  Pay Slow answer {"provider":"Acme"}')
  expect(toNdjson([log, log]).split('\n').filter(Boolean).map((line) => JSON.parse(line) as Log)).toEqual([log, log])
})
