// Crons: when a schedule fires next, what it did, and run now.

import { api, run, shown } from './harness.mjs'

await run(async ({ page, open }) => {
  await open('/crons')
  const crons = page.getByRole('grid', { name: 'Cron steps' })
  await crons.getByText('Every day at 03:00').waitFor()
  await crons.getByText('NightlyReport').click()
  const panel = page.getByRole('complementary')
  const ticks = panel.getByRole('list').first().getByRole('listitem')
  await ticks.filter({ hasText: '03:00:00' }).first().waitFor()
  await shown(ticks, 5)

  const before = (await api('GET', 'runs?step=NightlyReport')).items.length
  await panel.getByRole('button', { name: 'Run now' }).click()
  await page.getByText(/^NightlyReport runs (now|as soon as)/).waitFor()
  await panel.getByRole('link').filter({ hasText: 'succeeded' }).nth(before).waitFor()
})
