// A trace: what has caused what as one tree, across topics, while it grows, with what waits and what has failed.

import { assert, order, run, runOf, shown } from './harness.mjs'

await run(async ({ page, open }) => {
  const { id, traceId } = await order()
  await open(`/traces/${traceId}`)
  const tree = page.getByRole('treegrid', { name: 'Runs, spans and waiting deliveries by cause' })
  const line = (text) => tree.getByRole('row').filter({ has: page.getByText(text, { exact: true }) })
  const level = async (text) => Number(await line(text).first().getAttribute('aria-level'))

  // A request, what it emitted, what that emitted, and what waits for tomorrow.
  await runOf(traceId, 'ShipOrder')
  await page.getByLabel('Spans', { exact: true }).uncheck()
  const levels = []
  for (const step of ['CreateOrder', 'ChargeOrder', 'ShipOrder', 'AskReview']) {
    await line(step).waitFor()
    levels.push(await level(step))
  }
  assert.deepEqual(levels, [1, 2, 3, 4])
  await page.getByLabel('Spans', { exact: true }).check()
  await line('review.due').waitFor()
  await page.getByLabel('Logs', { exact: true }).check()
  await line('Order is shipped').waitFor()

  // A branch closes and opens.
  await line('ChargeOrder').getByRole('button', { name: 'Close' }).click()
  await line('ShipOrder').waitFor({ state: 'detached' })
  await line('ChargeOrder').getByRole('button', { name: 'Open' }).click()
  await line('ShipOrder').waitFor()

  await page.getByRole('tab', { name: 'Logs' }).click()
  for (const message of ['Order is taken', 'Order is charged', 'Order is shipped']) await page.getByRole('treegrid').getByText(message).waitFor()
  await shown(page.getByRole('treegrid').getByText(id), 3)

  const bad = await order('broken')
  await runOf(bad.traceId, 'ChargeOrder', ({ attempt }) => attempt === 2)
  await open(`/traces/${bad.traceId}`)
  const errors = page.getByRole('region', { name: 'Errors' })
  await errors.getByText('failed for good').first().waitFor()
  await errors.getByText(`the card for order ${bad.id} was refused`).first().waitFor()
  await line('ChargeOrder').first().click()
  await page.waitForURL(/#\/runs\//)
})
