// A run: what its time was spent on, what it logged, took, answered and changed; attempts, and again with another input.

import { api, assert, order, run, runOf, shown, until, write } from './harness.mjs'
import { HANDLED } from './pages.mjs'

await run(
  async ({ page, open }) => {
    const good = await order('lamp')
    const created = await runOf(good.traceId, 'CreateOrder')
    const tab = (name) => page.getByRole('tab', { name }).click()
    const timeline = page.getByRole('treegrid', { name: 'Spans and log records by time' })
    const line = (text) => timeline.getByRole('row').filter({ hasText: text })

    // The waterfall, with logs in it.
    await open(`/runs/${created.id}`)
    for (const text of ['Order is taken', 'order.created', good.id]) await line(text).first().waitFor()
    await line('order.created').first().click()
    const panel = page.getByRole('complementary')
    await panel.getByRole('link', { name: 'ChargeOrder' }).waitFor()
    await page.keyboard.press('Escape')

    await tab('Input and output')
    await page.getByText('"lamp"').first().waitFor()
    await page.getByText('"taken"').waitFor()
    await tab('Changes')
    const changes = page.getByRole('grid', { name: 'Changes' }).getByRole('row')
    for (const text of ['orders', '"status":"taken"', 'order.created']) await changes.filter({ hasText: text }).first().waitFor()
    await tab('Logs')
    await page.getByRole('treegrid', { name: /^Log records/ }).getByText('Order is taken').waitFor()

    // Its cause, from one run to the other.
    const charged = await runOf(good.traceId, 'ChargeOrder')
    await open(`/runs/${charged.id}`)
    await page.getByRole('link', { name: created.id }).click()
    await page.waitForURL(new RegExp(created.id))

    // A failure, its stack in the project's own file, and both attempts side by side.
    const bad = await order('broken')
    const failed = await runOf(bad.traceId, 'ChargeOrder', ({ attempt }) => attempt === 2)
    await open(`/runs/${failed.id}`)
    const error = page.getByRole('region', { name: 'Error' })
    await error.getByText(`the card for order ${bad.id} was refused`).waitFor()
    await error.getByLabel('Stack').getByText('charge-order.step.ts').waitFor()
    await page.getByRole('link', { name: 'No further attempt' }).waitFor()
    await page.getByRole('tab', { name: 'Attempts' }).click()
    const attempts = page.getByRole('columnheader').filter({ hasText: /^Attempt [12]$/ })
    await attempts.nth(1).waitFor()
    await shown(page.getByRole('row', { name: 'Stack' }).locator('pre'), 2)
    await attempts.first().getByRole('link').click()
    await page.waitForURL((url) => !url.href.includes(failed.id))

    // Attempts that end meanwhile appear by themselves, those of a redrive after the others.
    const { items: letters } = await api('GET', `dead-letters?traceId=${bad.traceId}`)
    await api('POST', 'dead-letters/redrive', { ids: letters.map(({ id }) => id) })
    const links = page.getByRole('navigation', { name: 'Attempts' }).getByRole('link', { name: /attempt \d/i })
    await links.nth(3).waitFor()
    const names = (await links.allInnerTexts()).map((text) => text.split('\n')[0])
    assert.deepEqual(names.slice(0, 4), ['Attempt 1', 'Attempt 2', 'Redriven: attempt 1', 'Attempt 2'])

    // Once more, with another input: this time it goes well.
    await page.getByRole('button', { name: 'Replay', exact: true }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByLabel('Version').getByText('serves now').waitFor({ state: 'attached' })
    const editor = dialog.getByRole('textbox', { name: 'Input' })
    await editor.getByText('broken').waitFor()
    const { input } = await api('GET', `runs/${failed.id}`)
    await write(editor, JSON.stringify(input).replace('broken', 'mended'))
    await dialog.getByRole('button', { name: 'Replay with this input' }).click()
    await page.getByText('It has run and succeeded.').waitFor()
    await page.getByText('Replay of').waitFor()
    const replay = await until('the address of the new run', () => /runs\/([0-9a-f]{16})/.exec(page.url())?.[1])
    const { status, replayOf, attempt } = await api('GET', `runs/${replay}`)
    assert.equal(status, 'succeeded')
    assert.match(replayOf, /^[0-9a-f]{16}$/)
    assert.equal(attempt, 1)
    await line('Order is charged').waitFor()
  },
  { allowed: [HANDLED] },
)
