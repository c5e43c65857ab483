// `motia serve`: the page asks for a token, and one that may only look is shown nothing that changes.
//
// node access.mjs URL ADMIN_TOKEN VIEWER_TOKEN

import { assert, run, shown } from './harness.mjs'

const [admin, viewer] = process.argv.slice(3)

await run(
  async ({ page, open }) => {
    await open('/queues?step=ChargeOrder')
    const enter = async (token) => {
      await page.getByLabel('Token', { exact: true }).fill(token)
      await page.getByRole('button', { name: 'Open the Workbench' }).click()
    }
    await enter('not the token that it wants')
    await page.getByText('The host does not know this token.').waitFor()

    await enter(viewer)
    await page.getByText('viewer', { exact: true }).waitFor()
    const grid = page.getByRole('grid', { name: 'Deliveries of ChargeOrder' })
    await page.getByText('Nothing waits and nothing runs').or(grid).waitFor()
    await shown(page.getByRole('button', { name: 'Pause', exact: true }), 0)
    await open('/state')
    await page.getByText('State is empty').waitFor()
    await shown(page.getByRole('button', { name: 'New entry' }), 0)
    // Not only the buttons are missing.
    const refused = await page.evaluate(async (token) => {
      const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
      const answer = await fetch('api/state/a/b', { method: 'PUT', headers, body: '{"value":1}' })
      return { status: answer.status, code: (await answer.json()).code }
    }, viewer)
    assert.deepEqual(refused, { status: 403, code: 'forbidden' })

    await page.getByRole('button', { name: 'Forget the token' }).click()
    await enter(admin)
    await page.getByRole('button', { name: 'New entry' }).waitFor()
    await open('/flows?flow=orders&step=CreateOrder')
    await page.getByText('No source here').waitFor()
  },
  { allowed: [/status of 401/, /status of 403 .*\/state\/a\/b/] },
)
