// The keyboard alone: the command palette, the keys of pages, rows of a table.

import { assert, order, run, runOf, until } from './harness.mjs'

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

  // The row that the keys have reached can be seen whole, under a head that stays.
  for (let orders = 0; orders < 4; orders++) await order()
  await page.setViewportSize({ width: 1280, height: 440 })
  await open('/runs')
  const runs = page.getByRole('grid', { name: 'Runs' })
  await runs.getByRole('row').nth(9).waitFor()
  await until('the active row in sight', async () => {
    await keyboard.press('j')
    return runs.evaluate((grid) => {
      const row = document.getElementById(grid.getAttribute('aria-activedescendant'))?.getBoundingClientRect()
      const { top, bottom } = grid.getBoundingClientRect()
      return row && row.top > top && row.bottom <= bottom + 1 && grid.scrollTop > 0
    })
  })
  assert((await runs.getByRole('columnheader', { name: 'Status' }).boundingBox()).y >= (await runs.boundingBox()).y)

  await keyboard.press('?')
  await page.getByRole('dialog', { name: 'Keyboard shortcuts' }).getByText('Go to Queues').waitFor()
  await keyboard.press('Escape')
  await page.getByRole('dialog').waitFor({ state: 'detached' })
})
