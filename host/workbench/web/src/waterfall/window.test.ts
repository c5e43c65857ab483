import { expect, test } from 'vitest'

import { panned, placed, ticks, zoomed } from './window.ts'

const whole = { from: -100, to: 900 }

test('zooming keeps the time under the pointer in its place, and stays within the whole', () => {
  expect(zoomed(whole, whole, 0.5, 400)).toEqual({ from: 150, to: 650 })
  expect(zoomed({ from: 800, to: 900 }, whole, 4)).toEqual({ from: 500, to: 900 })
  expect(zoomed({ from: 10, to: 20 }, whole, 1e9)).toEqual(whole)
  const closest = zoomed({ from: 10, to: 20 }, whole, 1e-9)
  expect(closest.to - closest.from).toBe(5)
})

test('panning stops at the ends', () => {
  expect(panned({ from: 0, to: 100 }, whole, 0.5)).toEqual({ from: 50, to: 150 })
  expect(panned({ from: 0, to: 100 }, whole, -50)).toEqual({ from: -100, to: 0 })
  expect(panned({ from: 0, to: 100 }, whole, 50)).toEqual({ from: 800, to: 900 })
})

test('bars are cut at the window, and those outside say where they are', () => {
  const window = { from: 0, to: 200 }
  expect(placed(50, 50, window)).toEqual({ left: 25, width: 25, beyond: null })
  expect(placed(-100, 200, window)).toEqual({ left: 0, width: 50, beyond: null })
  expect(placed(-100, 20, window).beyond).toBe('left')
  expect(placed(201, 20, window).beyond).toBe('right')
})

test('ticks are at round distances', () => {
  expect(ticks({ from: -130, to: 410 }, 6)).toEqual([-100, 0, 100, 200, 300, 400])
  expect(ticks({ from: 0, to: 200e6 }, 5)).toEqual([0, 60e6, 120e6, 180e6])
})
