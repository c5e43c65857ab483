// At the width of a phone no page is wider than the screen, and the menu opens and closes. Light and dark.

import { assert, run, until } from './harness.mjs'
import { HANDLED, pages, settled } from './pages.mjs'

await run(
  async ({ page, open }) => {
    for (const path of await pages()) {
      await open(path)
      await settled(page)
      const { wide, screen } = await page.evaluate(() => ({ wide: document.documentElement.scrollWidth, screen: innerWidth }))
      assert(wide <= screen, `${path} is ${wide} px wide`)
    }
    await open('/queues')
    const link = page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: 'Crons' })
    assert(!(await link.isVisible()), 'the menu is open before anybody opened it')
    await page.getByRole('button', { name: 'Pages' }).click()
    await link.click()
    await page.waitForURL(/#\/crons/)
    await link.waitFor({ state: 'hidden' })

    // Light and dark: as the system has it, until somebody chooses.
    const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor)
    const light = await background()
    await page.emulateMedia({ colorScheme: 'dark' })
    await until('the colours are dark', async () => (await background()) !== light)
    await page.getByRole('button', { name: 'Light colours' }).click()
    await until('the colours are light', async () => (await background()) === light)
    await page.reload()
    await page.getByRole('button', { name: 'Dark colours' }).waitFor()
    await until('the colours are light', async () => (await background()) === light)
  },
  { viewport: { width: 375, height: 812 }, isMobile: true, hasTouch: true, colorScheme: 'light', allowed: [HANDLED] },
)
