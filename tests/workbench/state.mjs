// State: found by its key, edited with an effect, watched, deleted; and who did what is in the audit.

import { api, ask, assert, order, run, shown, until, write } from './harness.mjs'

await run(
  async ({ page, open }) => {
    const { id } = await order('lamp')
    const entry = `state/orders/${id}`
    await open('/state')
    await page.getByRole('grid', { name: 'Groups of state' }).getByText('orders', { exact: true }).click()
    await page.getByRole('searchbox', { name: 'Search keys and values' }).fill(id)
    const cell = page.getByRole('grid', { name: 'Entries of orders' }).getByRole('gridcell', { name: id, exact: true })
    await cell.click()
    await page.waitForURL(/search=.*key=|key=.*search=/)

    const panel = page.getByRole('complementary')
    const editor = panel.getByRole('textbox', { name: /^Value of/ })
    await write(editor, '{ "item": ')
    await panel.getByText(/^This is not JSON/).waitFor()
    assert(await panel.getByRole('button', { name: 'Save' }).isDisabled())
    await write(editor, '{ "item": "desk" }')
    await panel.getByRole('button', { name: 'Save' }).click()
    await page.getByText(`${id} is saved.`).waitFor()
    assert.deepEqual((await api('GET', entry)).value, { item: 'desk' })

    // What others change appears while it is watched.
    await page.getByText('Watch', { exact: true }).click()
    await api('PUT', entry, { value: { item: 'bench' } })
    await editor.getByText('bench').waitFor()

    await panel.getByRole('button', { name: 'Delete' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
    await page.getByText(`${id} is deleted.`).waitFor()
    await until('it is gone', async () => (await ask('GET', `/__motia/api/${entry}`)).status === 404)

    await open('/audit')
    const changes = page.getByRole('grid', { name: 'Changes' }).getByRole('row').filter({ hasText: `orders/${id}` })
    await changes.filter({ hasText: 'state.delete' }).waitFor()
    await shown(changes.filter({ hasText: 'state.set' }), 2)
    await changes.filter({ hasText: 'state.set' }).first().click()
    await page.getByRole('complementary').getByText('somebody on this machine').waitFor()
  },
  // Somebody may look at the entry just when it is deleted.
  { allowed: [/status of 404 .*\/state\//] },
)
