import { expect, test } from 'vitest'

import { Changes, MARKED_MS } from './changes.ts'

test('rows that have changed are fresh for a moment, those seen for the first time are not', () => {
  const changes = new Changes()
  changes.look(
    [
      { id: 'a', mark: 1 },
      { id: 'b', mark: 1 },
    ],
    0,
  )
  changes.look(
    [
      { id: 'a', mark: 2 },
      { id: 'b', mark: 1 },
      { id: 'c', mark: 1 },
    ],
    1000,
  )
  expect(['a', 'b', 'c'].map((id) => changes.isFresh(id, 1000))).toEqual([true, false, false])
  expect(changes.isFresh('a', 1000 + MARKED_MS)).toBe(false)
})
