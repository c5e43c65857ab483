// Scheduled: what waits for tomorrow is listed, and can be cancelled.

import { api, order, run, runOf, until } from './harness.mjs'

await run(async ({ page, open }) => {
  const { id, traceId } = await order()
  await runOf(traceId, 'ShipOrder')
  await open('/scheduled')
  const row = page.getByRole('grid', { name: 'Scheduled deliveries' }).getByRole('row').filter({ hasText: id })
  await row.getByText('AskReview').click()
  const panel = page.getByRole('complementary')
  await panel.getByText('scheduled').first().waitFor()
  await panel.getByText('review.due').waitFor()
  await panel.getByRole('button', { name: 'Cancel delivery' }).click()
  await page.getByRole('button', { name: 'Cancel for good' }).click()
  await page.getByText('One delivery is cancelled.').waitFor()
  await row.waitFor({ state: 'detached' })
  await until('it waits no more', async () => (await api('GET', `traces/${traceId}`)).waiting.length === 0)
})
