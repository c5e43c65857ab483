import { expect, test } from 'vitest'
import { toCsv, toJson } from './export.ts'

test('CSV quotes what needs it and starts no formula', () => {
  const table = {
    columns: ['a', 'b,c'],
    rows: [
      [null, 'x "y"'],
      [-1.5, '=1+1'],
      [{ z: 1 }, 'two\nlines'],
    ],
  }
  expect(toCsv(table)).toBe('a,"b,c"\r\n,"x ""y"""\r\n-1.5,\'=1+1\r\n"{""z"":1}","two\nlines"\r\n')
})

test('JSON keeps columns of the same name apart', () => {
  expect(JSON.parse(toJson({ columns: ['n', 'n'], rows: [[1, 2]] }))).toEqual([{ n: 1, n_2: 2 }])
})
