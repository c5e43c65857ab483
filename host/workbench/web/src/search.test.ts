import { expect, test } from 'vitest'

import { flag, oneOf, parseSearch, stringifySearch, whole } from './search.ts'

test('parameters of addresses are plain text, and come back as they were', () => {
  const written = stringifySearch({ step: 'Place Order', code: '5', roots: true, none: undefined, empty: '' })
  expect(written).toBe('?step=Place+Order&code=5&roots=true')
  expect(parseSearch(written)).toEqual({ step: 'Place Order', code: '5', roots: 'true' })
})

test('what is wrong counts as absent', () => {
  expect([flag('true'), flag('yes'), whole('12'), whole('-1'), whole('x'), oneOf('b', ['a'])]).toEqual([true, undefined, 12, undefined, undefined, undefined])
})
