import { expect, test } from 'vitest'
import { Throughput, rateText } from './throughput.ts'

const figures = (at: number, succeeded: number) => ({ at, steps: { A: { succeeded, failed: 1, cancelled: 0 } } })

test('throughput is over the last minute and starts anew with the host', () => {
  const throughput = new Throughput()
  throughput.add(figures(0, 0))
  expect(throughput.perSecond('A')).toBeNull()
  throughput.add(figures(10_000, 50))
  expect(throughput.perSecond('A')).toBe(5)
  throughput.add(figures(70_000, 50))
  expect(throughput.perSecond('A')).toBe(0)
  expect(throughput.perSecond('B')).toBe(0)
  throughput.add(figures(71_000, 3))
  expect(throughput.perSecond('A')).toBeNull()
})

test('slow rates are told by the minute', () => {
  expect([null, 0, 0.05, 0.44, 12.4, 1234].map(rateText)).toEqual(['–', '0/s', '3/min', '0.4/s', '12/s', '1,234/s'])
})
