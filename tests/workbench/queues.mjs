// Queues: a pause with a reason, what it keeps waiting and why, and resuming.

import { api, assert, run, until } from './harness.mjs'

const REASON = 'the printer is out of paper'

await run(async ({ page, open }) => {
  await open('/queues')
  await page.getByRole('grid', { name: 'Queues' }).getByText('NightlyReport').click()
  await page.waitForURL(/step=NightlyReport/)
  await page.getByRole('button', { name: 'Pause', exact: true }).click()
  await page.getByLabel('Reason').fill(REASON)
  await page.getByLabel('Reason').press('Enter')
  await page.getByText(/^Paused since/).filter({ hasText: REASON }).waitFor()
  assert.equal((await api('GET', 'queues/NightlyReport')).paused.reason, REASON)

  // What waits says why.
  await api('POST', 'crons/NightlyReport/run')
  const waiting = page.getByRole('grid', { name: 'Deliveries of NightlyReport' }).getByRole('row').filter({ hasText: REASON })
  await waiting.first().click()
  const panel = page.getByRole('complementary')
  await panel.getByRole('paragraph').filter({ hasText: 'paused' }).filter({ hasText: REASON }).waitFor()

  await page.getByRole('button', { name: 'Resume', exact: true }).click()
  await page.getByRole('button', { name: 'Pause', exact: true }).waitFor()
  await page.getByText('Nothing waits and nothing runs').waitFor()
  await until('the queue is empty', async () => (await api('GET', 'queues/NightlyReport')).ready === 0)
})
