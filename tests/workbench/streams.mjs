// Streams: the items of a group change while one looks, and can be edited.

import { api, assert, order, run, write } from './harness.mjs'

await run(async ({ page, open }) => {
  await order()
  await open('/streams')
  await page.getByRole('grid', { name: 'Streams' }).getByText('orders', { exact: true }).click()
  await page.getByRole('grid', { name: 'Groups of orders' }).getByText('all', { exact: true }).click()
  await page.getByRole('status').getByText('live', { exact: true }).waitFor()
  await page.evaluate(() => (window.notReloaded = true))

  const { id } = await order('sofa')
  await page.getByRole('searchbox', { name: 'Search ids and data' }).fill(id)
  const item = page.getByRole('grid', { name: 'Items' }).getByRole('row').filter({ hasText: id })
  await item.getByText('shipped').waitFor()
  await item.getByText(id).first().click()

  const panel = page.getByRole('complementary')
  await write(panel.getByRole('textbox', { name: /^Value of/ }), `{ "id": "${id}", "item": "sofa", "status": "returned" }`)
  await panel.getByRole('button', { name: 'Save' }).click()
  await item.getByText('returned').waitFor()
  const { items } = await api('GET', `streams/orders/all?search=${id}`)
  assert.equal(items[0].data.status, 'returned')

  await page.getByRole('tab', { name: /^Changes/ }).click()
  const changes = page.getByRole('grid', { name: 'Changes' }).getByRole('row').filter({ hasText: id })
  for (const text of ['create', 'shipped', 'returned']) await changes.filter({ hasText: text }).first().waitFor()
  assert(await page.evaluate(() => window.notReloaded), 'the page was loaded again')
})
