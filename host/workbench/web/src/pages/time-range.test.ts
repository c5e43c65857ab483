import { expect, test } from 'vitest'

import { fromLocal, timeOf, toLocal } from './time-range.ts'

test('times of URLs are lengths before now, or moments', () => {
  const now = 1_795_383_815_935
  expect(timeOf('15m', now)).toBe(now - 900_000)
  expect(timeOf('2d', now)).toBe(now - 172_800_000)
  expect(timeOf('1795383815000', now)).toBe(1_795_383_815_000)
  expect(timeOf('2026-11-22T21:43:35Z', now)).toBe(1_795_383_815_000)
  expect(timeOf('soon', now)).toBeUndefined()
})

test('what a field for a time shows is what it gives back', () => {
  expect(fromLocal(toLocal(1_795_383_815_000))).toBe('1795383815000')
  expect(fromLocal('')).toBeUndefined()
})
