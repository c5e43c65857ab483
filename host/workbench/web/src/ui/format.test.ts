import { expect, test } from 'vitest'

import { formatBytes, formatCount, formatDuration, formatRelativeTime } from './format.ts'

test('durations have the unit that they are read in', () => {
  expect([0, 0.25, 7.04, 812, 1_234, 42_000, 90_000, 3_725_000, 90_000_000].map(formatDuration)).toEqual([
    '0 ms', '250 µs', '7 ms', '812 ms', '1.23 s', '42 s', '1m 30s', '1h 2m', '1d 1h',
  ])
})

test('times are told from now, in both directions', () => {
  const now = 1_800_000_000_000
  expect(formatRelativeTime(now - 500, now)).toBe('now')
  expect(formatRelativeTime(now - 61_000, now)).toBe('1m ago')
  expect(formatRelativeTime(now + 7_200_000, now)).toBe('in 2h')
})

test('sizes and counts are short', () => {
  expect([512, 1_536, 268_435_456].map(formatBytes)).toEqual(['512 B', '1.5 KiB', '256 MiB'])
  expect([9_999, 12_345].map(formatCount)).toEqual(['9,999', '12.3K'])
})
