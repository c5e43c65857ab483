// Logs: records come by themselves, filtered by level, step and words, and by the trace that is followed.

import { order, run, shown, until } from './harness.mjs'

await run(async ({ page, open }) => {
  await open('/logs')
  const records = page.getByRole('treegrid', { name: 'Log records, newest first' }).getByRole('row')
  const of = (...texts) => texts.reduce((rows, text) => rows.filter({ hasText: text }), records)
  await page.getByText('Live', { exact: true }).last().waitFor()
  const [good, bad] = [await order(), await order('broken')]
  await of('Order is taken', good.traceId).waitFor()
  await of('The card is refused', bad.traceId).first().waitFor()

  await page.getByLabel('Level').selectOption('error')
  await page.waitForURL(/level=error/)
  await of('Order is taken').first().waitFor({ state: 'detached' })
  await of('The card is refused', bad.traceId).first().waitFor()
  // What comes meanwhile is filtered too.
  const next = await order('broken')
  await of('The card is refused', next.traceId).first().waitFor()
  await shown(of('info'), 0)

  await page.getByLabel('Level').selectOption('')
  await page.getByLabel('Step').selectOption('ShipOrder')
  await of('Order is shipped', good.traceId).waitFor()
  await shown(of('CreateOrder'), 0)
  await page.reload()
  await of('Order is shipped', good.traceId).waitFor()
  await until('the step is chosen', async () => (await page.getByLabel('Step').inputValue()) === 'ShipOrder')

  // From one record to all of its trace.
  await of('Order is shipped', good.traceId).getByText('Order is shipped').click()
  await page.getByRole('button', { name: 'This trace' }).click()
  await page.waitForURL(/traceId=/)
  await page.getByLabel('Step').selectOption('')
  for (const message of ['Order is taken', 'Order is charged', 'Order is shipped']) await of(message).waitFor()
  await until('only this trace is listed', async () => (await records.count()) === (await of(good.traceId).count()))

  await page.getByRole('searchbox').fill('charged')
  await of('Order is taken').waitFor({ state: 'detached' })
  await of('Order is charged').waitFor()
})
