// Runs: they appear by themselves, filters are in the address, and many are replayed at once.

import { api, assert, order, run, runOf, shown, until } from './harness.mjs'

await run(async ({ page, open }) => {
  await open('/flows')
  await page.getByRole('status').getByText('Live').waitFor()
  await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: 'Runs' }).click()
  const rows = page.getByRole('grid', { name: 'Runs' }).getByRole('row')
  const of = (...texts) => texts.reduce((found, text) => found.filter({ hasText: text }), rows)
  await page.getByText('Live', { exact: true }).last().waitFor()
  await page.evaluate(() => (window.notReloaded = true))
  const [good, bad] = [await order(), await order('broken')]
  for (const step of ['CreateOrder', 'ChargeOrder', 'ShipOrder']) await of(step, good.traceId).filter({ hasText: 'succeeded' }).waitFor()
  await of('ChargeOrder', bad.traceId, 'attempt 2').filter({ hasText: 'was refused' }).waitFor()
  assert(await page.evaluate(() => window.notReloaded), 'the page was loaded again')
  await shown(page.getByRole('button', { name: /new( runs)?$/ }), 0)

  const choice = (name) => page.getByLabel(name, { exact: true })
  await choice('Status').selectOption('failed')
  await choice('Step').selectOption('ChargeOrder')
  await choice('Flow').selectOption('orders')
  await choice('Kind').selectOption('event')
  await page.getByRole('searchbox').fill(bad.traceId)
  for (const filter of ['status=failed', 'step=ChargeOrder', 'flow=orders', 'kind=event', 'search=']) await page.waitForURL(new RegExp(filter))
  await of(good.traceId).first().waitFor({ state: 'detached' })
  const isFiltered = async () => {
    await of(bad.traceId).nth(1).waitFor()
    await shown(of('ChargeOrder'), 2)
    await shown(of('succeeded'), 0)
  }
  await isFiltered()
  await page.reload()
  await isFiltered()
  assert.equal(await choice('Status').inputValue(), 'failed')

  // Chosen and replayed, all at once.
  await page.getByLabel('All rows').check()
  await page.getByRole('toolbar').getByRole('button', { name: 'Replay 2' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Replay 2' }).click()
  await page.getByText('2 replayed').waitFor()
  const failed = (await api('GET', `runs?traceId=${bad.traceId}&status=failed`)).items.map(({ id }) => id)
  await until('both have run again', async () => {
    const { items } = await api('GET', 'runs?step=ChargeOrder&status=failed')
    return failed.every((id) => items.some(({ replayOf }) => replayOf === id))
  })

  await page.getByRole('button', { name: 'Clear', exact: true }).click()
  await page.getByRole('searchbox').fill((await runOf(good.traceId, 'ShipOrder')).id)
  await of('ShipOrder', good.traceId).getByRole('link', { name: 'ShipOrder' }).click()
  await page.waitForURL(/#\/runs\/[0-9a-f]{16}/)
})
