import { expect, test, vi } from 'vitest'
import { answer, pathOf, refusal, requestOf } from './bridge.ts'

const request = (method: string, path: string, body?: unknown) => requestOf({ type: 'motia:request', id: 7, method, path, body })!

test('a path cannot leave the API', () => {
  expect(pathOf('runs?limit=5')).toBe('runs?limit=5')
  expect(pathOf('/state/a%20b')).toBe('state/a%20b')
  expect(pathOf('/state/a%2Fb')).toBe('state/a%2Fb')
  expect(pathOf('runs/../queues')).toBe('queues')
  expect(pathOf('//example.com/api/')).toBe('example.com/api/')
  const outside = [
    '',
    '/',
    '../metrics',
    'runs/../../x',
    '%2e%2e/x',
    'a%2f..%2f..%2fx',
    'a\\..\\..\\b',
    'http://example.com/',
    'javascript:1',
    '%ff',
    'runs#x',
  ]
  for (const path of outside) expect(pathOf(path), path).toBeUndefined()
})

test('only an admin may change something', () => {
  expect(refusal(request('get', 'runs'), 'viewer')).toBeUndefined()
  expect(refusal(request('POST', 'query'), 'viewer')).toBeUndefined()
  expect(refusal(request('DELETE', 'runs/1'), 'viewer')?.status).toBe(403)
  expect(refusal(request('DELETE', 'runs/1'), 'admin')).toBeUndefined()
  expect(refusal(request('TRACE', 'runs'), 'admin')?.status).toBe(400)
})

test('messages of others are no requests', () => {
  for (const message of [null, 'x', {}, { type: 'motia:theme' }, { type: 'motia:request' }]) expect(requestOf(message)).toBeUndefined()
})

test('the answer has the status, the body and the id', async () => {
  const send = vi.fn(async () => new Response('{"ok":true}', { status: 201 }))
  expect(await answer(request('POST', 'query', { sql: 'select 1' }), 'viewer', send)).toEqual({
    type: 'motia:response',
    id: 7,
    status: 201,
    body: { ok: true },
  })
  expect(send).toHaveBeenCalledWith('query', expect.objectContaining({ method: 'POST', body: '{"sql":"select 1"}' }))
  const live = async () => new Response('', { headers: { 'content-type': 'text/event-stream' } })
  expect((await answer(request('GET', 'live'), 'viewer', live)).status).toBe(400)
})
