// A plugin's page is in the menu with its icon, and asks the API by the Workbench.

import { api, run, until } from './harness.mjs'

await run(async ({ page, open }) => {
  const { items } = await api('GET', 'steps')
  await open('/flows')
  const link = page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: 'Hello' })
  const icon = link.locator('img[src$="/hello/icon.svg"]')
  await until('the icon is shown', () => icon.evaluate((image) => image.complete && image.naturalWidth > 0))
  await link.click()
  await page.getByRole('heading', { name: 'Hello' }).waitFor()
  await page.frameLocator('iframe[title=Hello]').getByText(`${items.length} steps`, { exact: true }).waitFor()
})
