import { expect, test } from 'vitest'
import { cronWords } from './words.ts'

test.each([
  ['* * * * *', 'Every minute'],
  ['*/5 * * * *', 'Every 5 minutes'],
  ['*/2 * * * * *', 'Every 2 seconds'],
  ['0 * * * *', 'Every hour'],
  ['15 */6 * * *', 'Every 6 hours at minute 15'],
  ['30 2 * * *', 'Every day at 02:30'],
  ['30 2,14 * * *', 'Every day at 02:30 and 14:30'],
  ['5 30 2 * * *', 'Every day at 02:30:05'],
  ['0 9 * * 1-5', 'At 09:00 on working days'],
  ['0 9 * * MON,wed', 'At 09:00 on Monday and Wednesday'],
  ['*/10 8-17 * * 1-5', 'Every 10 minutes in the hours 08 to 17 on working days'],
  ['0 0 1 * *', 'At 00:00 on the 1st of the month'],
  ['0 0 1,22 1 *', 'At 00:00 on the 1st and the 22nd of January'],
  ['0 0 13 * 5', 'At 00:00 on the 13th of the month or on Friday'],
  ['0 12 * 6-8 *', 'At 12:00 in June to August'],
  ['0 0 L * *', 'At 00:00 on the last day of the month'],
  ['@daily', 'Every day at 00:00'],
  ['0 0 * * 5#2', null],
  ['nonsense', null],
])('%s', (expression, words) => expect(cronWords(expression)).toBe(words))
