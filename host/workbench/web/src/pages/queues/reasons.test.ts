import { expect, test } from 'vitest'

import type { Delivery } from '../../api/types.ts'
import { loadByLane, whyOf } from './reasons.ts'

const delivery = (state: Delivery['state'], lane: string | null, why = '') => ({ state, lane, why }) as Delivery

test('a time in a reason has the unit that it is read in', () => {
  expect(whyOf(delivery('scheduled', null, 'its time comes in 3599.4 s'))).toBe('its time comes in 59m 59s')
  expect(whyOf(delivery('ready', null, '2 of 2 attempts of the step run'))).toBe('2 of 2 attempts of the step run')
})

test('what runs, is ready and is parked is counted by key, the busiest first', () => {
  const deliveries = [delivery('leased', 'b'), delivery('ready', 'b'), delivery('parked', 'a'), delivery('scheduled', 'a'), delivery('leased', null)]
  expect(loadByLane(deliveries)).toEqual([
    { lane: 'b', running: 1, ready: 1, behind: 0 },
    { lane: null, running: 1, ready: 0, behind: 0 },
    { lane: 'a', running: 0, ready: 0, behind: 1 },
  ])
})
