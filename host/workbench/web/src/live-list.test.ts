import { expect, test, vi } from 'vitest'

import { LiveList, type ListSource } from './live-list.ts'

interface Row {
  id: string
  text?: string
}

const ids = (list: LiveList<Row>) => list.snapshot().rows.map(({ id }) => id).join(' ')

/** Pages of two rows, from `9` down. */
const source: ListSource<Row> = {
  page: (before) => {
    const all = ['9', '7', '5', '3', '1']
    const from = before === null ? 0 : all.indexOf(before) + 1
    const items = all.slice(from, from + 2).map((id) => ({ id }))
    return Promise.resolve({ items, next: from + 2 < all.length ? items.at(-1)!.id : null })
  },
}

const settled = () => new Promise((resolve) => setTimeout(resolve))

async function started(): Promise<LiveList<Row>> {
  const list = new LiveList<Row>()
  list.start(source)
  await settled()
  return list
}

test('new rows are put in by their ids, once, and older ones come with their page', async () => {
  const list = await started()
  list.add([{ id: 'a' }, { id: '8' }, { id: '2' }, { id: '9', text: 'changed' }])
  expect(ids(list)).toBe('a 9 8 7')
  expect(list.snapshot().rows[1]?.text).toBe('changed')
  list.more()
  await settled()
  expect(ids(list)).toBe('a 9 8 7 5 3')
})

test('a held list does not move, but its rows change', async () => {
  const list = await started()
  list.hold(true)
  list.add([{ id: 'a' }, { id: '7', text: 'changed' }])
  expect(ids(list)).toBe('9 7')
  expect(list.snapshot()).toMatchObject({ waiting: 1, rows: [{}, { text: 'changed' }] })
  list.hold(false)
  expect(ids(list)).toBe('a 9 7')
  expect(list.snapshot().waiting).toBe(0)
})

test('what is told while the first page is loaded is neither lost nor there twice', async () => {
  const list = new LiveList<Row>()
  list.start(source)
  list.add([{ id: 'a' }, { id: '9', text: 'changed' }])
  await settled()
  expect(ids(list)).toBe('a 9 7')
  expect(list.snapshot().rows[1]?.text).toBe('changed')
})

test('the rows of the filter before stay until the new ones are there', async () => {
  const list = await started()
  list.start({ page: () => Promise.resolve({ items: [{ id: '4' }], next: null }) })
  expect([ids(list), list.snapshot().loading]).toEqual(['9 7', 'first'])
  await settled()
  expect([ids(list), list.snapshot().loading]).toEqual(['4', null])
})

test('after a gap a list begins anew, unless somebody reads it', async () => {
  const list = await started()
  list.add([{ id: 'a' }])
  list.gap()
  await settled()
  expect(ids(list)).toBe('9 7')
  list.hold(true)
  list.gap()
  expect(list.snapshot()).toMatchObject({ missed: true, loading: null })
})

test('a list of which only a part is told is loaded again after a while, or when nobody reads it any more', async () => {
  const list = await started()
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  list.miss()
  list.add([{ id: 'a' }])
  list.miss()
  expect([ids(list), vi.getTimerCount()]).toEqual(['9 7', 1])
  await vi.runAllTimersAsync()
  expect(ids(list)).toBe('a 9 7')
  list.hold(true)
  list.miss()
  expect([list.snapshot().missed, vi.getTimerCount()]).toEqual([true, 0])
  list.hold(false)
  expect(list.snapshot()).toMatchObject({ missed: false, loading: 'first' })
  vi.useRealTimers()
})
