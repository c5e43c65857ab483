import { expect, test } from 'vitest'

import type { Step } from '../../api/types.ts'
import { curlOf, type Draft, markersOf, pathParamsOf, urlOf } from './request.ts'

const step = { method: 'POST', path: '/orders/:id/items' } as Step
const draft: Draft = {
  pathParams: { id: 'a/b c' },
  query: [{ name: 'tag', value: 'x y', on: true }, { name: 'tag', value: '2', on: true }, { name: 'off', value: '1', on: false }],
  headers: [{ name: 'x-name', value: "it's", on: true }],
  bodyMode: 'json',
  body: '{"a":"it\'s"}',
}

test('a request goes to the path with its parameters, under any base path', () => {
  expect(pathParamsOf('/orders/:id/items').map(({ name }) => name)).toEqual(['id'])
  expect(urlOf(new URL('http://host/'), step, draft).href).toBe('http://host/orders/a%2Fb%20c/items?tag=x+y&tag=2')
  expect(urlOf(new URL('http://host/base/'), step, draft).pathname).toBe('/base/orders/a%2Fb%20c/items')
})

test('a path may have patterns, optional parts and a rest', () => {
  const pathname = (path: string, pathParams: Record<string, string>) => urlOf(new URL('http://host/'), { ...step, path }, { ...draft, pathParams }).pathname
  expect(pathname('/users/:id(\\d+)', { id: '12' })).toBe('/users/12')
  expect(pathname('/opt/:a?', {})).toBe('/opt')
  expect(pathname('/files/*', { 0: 'a b/c' })).toBe('/files/a%20b/c')
  expect(pathname('/', {})).toBe('/')
})

test('a command line holds quotes', () => {
  const command = curlOf(new URL('http://host/'), step, draft)
  expect(command).toContain(`-H 'x-name: it'\\''s'`)
  expect(command).toContain(`--data-raw '{"a":"it'\\''s"}'`)
  expect(command).toContain(`-H 'content-type: application/json'`)
})

test('stream items are found at the top and in an array', () => {
  const marker = { type: 'state-stream', streamName: 'chat', groupId: 'g', id: '1' }
  expect(markersOf({ text: '', __motia: marker })).toEqual([{ streamName: 'chat', groupId: 'g', id: '1' }])
  expect(markersOf([{ __motia: marker }, 3, { __motia: { type: 'other' } }])).toHaveLength(1)
  expect(markersOf('text')).toEqual([])
})
