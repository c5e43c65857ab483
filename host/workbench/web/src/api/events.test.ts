import { expect, test } from 'vitest'

import { EventParser } from './events.ts'

test('events are put together from chunks that end anywhere', () => {
  const parser = new EventParser()
  const text = ': hello\n\nevent: runs\nid: 7\ndata: {"a":\ndata: 1}\n\ndata: x\r\n\r\n'
  const events = [...text].flatMap((character) => parser.push(character))
  expect(events).toEqual([
    { event: 'runs', data: '{"a":\n1}', id: '7' },
    { event: 'message', data: 'x', id: null },
  ])
})
