// A plugin's page is in the menu, and asks the API by the Workbench.

import { api, run } from './harness.mjs'

await run(async ({ page, open }) => {
  const { items } = await api('GET', 'steps')
  await open('/flows')
  await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: 'Hello' }).click()
  await page.getByRole('heading', { name: 'Hello' }).waitFor()
  await page.frameLocator('iframe[title=Hello]').getByText(`${items.length} steps`, { exact: true }).waitFor()
})
