// The keyboard alone: the command palette, the keys of pages, rows of a table.

import { assert, order, run, runOf } from './harness.mjs'

await run(async ({ page, open }) => {
  const { traceId } = await order()
  const made = await runOf(traceId, 'CreateOrder')
  await open('/flows')
  const { keyboard } = page
  const palette = page.getByRole('dialog', { name: 'Search and commands' })
  const jump = async (words) => {
    await keyboard.press('ControlOrMeta+k')
    await palette.waitFor()
    await keyboard.type(words)
    await palette.getByRole('option', { selected: true }).waitFor()
    await keyboard.press('Enter')
    await palette.waitFor({ state: 'detached' })
  }
  await jump('dead lett')
  await page.waitForURL(/#\/dead-letters/)
  await jump('ShipOrder')
  await page.waitForURL(/#\/flows\?.*step=ShipOrder/)
  await page.getByRole('complementary').getByText('ship-order.step.js').waitFor()
  await keyboard.press('Escape')
  await page.getByRole('complementary').waitFor({ state: 'detached' })
  await jump('ShipOrder queues')
  await page.waitForURL(/#\/queues\?.*step=ShipOrder/)
  await jump(made.id)
  await page.waitForURL(new RegExp(`#/runs/${made.id}`))

  await keyboard.press('g')
  await keyboard.press('q')
  await page.waitForURL(/#\/queues/)
  await page.getByRole('grid', { name: 'Queues' }).getByText('AskReview').waitFor()
  const focused = () => page.evaluate(() => document.activeElement.getAttribute('aria-label'))
  for (let presses = 0; (await focused()) !== 'Queues'; presses++) {
    assert(presses < 60, 'the table cannot be reached with Tab')
    await keyboard.press('Tab')
  }
  await keyboard.press('ArrowDown')
  await keyboard.press('Enter')
  await page.waitForURL(/#\/queues\?.*step=/)

  await keyboard.press('?')
  await page.getByRole('dialog', { name: 'Keyboard shortcuts' }).getByText('Go to Queues').waitFor()
  await keyboard.press('Escape')
  await page.getByRole('dialog').waitFor({ state: 'detached' })
})
