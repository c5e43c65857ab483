import { expect, test, vi } from 'vitest'

import { readEvents } from './events.ts'
import type { LiveEvent, LiveTopic } from './live.ts'

vi.stubGlobal('document', { hidden: false, baseURI: 'http://127.0.0.1/', addEventListener: () => undefined })
vi.mock('./events.ts', () => ({ backoffMs: () => 0, readEvents: vi.fn() }))
const { LiveConnection } = await import('./live.ts')

const settled = () => new Promise((resolve) => setTimeout(resolve))

test('whoever listens later than it has asked hears of the gap, and nobody else does', async () => {
  const opened: (() => void)[] = []
  const lost: (() => void)[] = []
  vi.mocked(readEvents).mockImplementation((_url, _signal, _onEvent, onOpen) => {
    opened.push(onOpen!)
    return new Promise((_resolve, reject) => lost.push(() => reject(new Error('lost'))))
  })
  const live = new LiveConnection()
  const heard: string[] = []
  const listen = (name: string, topics: LiveTopic[]) => live.subscribe(topics, ({ topic }: LiveEvent) => heard.push(`${name}: ${topic}`))

  listen('shell', ['project'])
  await settled()
  opened[0]!()
  expect(heard.splice(0)).toEqual(['shell: gap'])

  listen('runs', ['runs'])
  await settled()
  expect(heard).toEqual([])
  opened[1]!()
  expect(heard.splice(0)).toEqual(['runs: gap'])

  // What the connection tells about already has no gap.
  listen('other runs', ['runs'])
  await settled()
  expect(opened.length).toBe(2)

  lost[1]!()
  await vi.waitFor(() => expect(opened.length).toBe(3))
  opened[2]!()
  expect(heard).toEqual(['shell: gap', 'runs: gap', 'other runs: gap'])
})
