// Endpoints: a request from a form, from JSON, with parameters; its answer, the live item, its trace; saved, and as curl.

import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

import { api, assert, run, write } from './harness.mjs'

await run(
  async ({ page, open }) => {
    await open('/endpoints')
    await page.getByRole('navigation', { name: 'Endpoints' }).getByText('/orders/:shop').click()
    const [request, response] = ['Request', 'Response'].map((name) => page.getByRole('region', { name, exact: true }))
    const send = () => page.getByRole('button', { name: 'Send', exact: true }).click()
    const facts = response.getByRole('status').filter({ hasText: /^\d{3} / })

    // Path and query parameters, and a form of the schema.
    await request.getByRole('tab', { name: 'Parameters' }).click()
    await request.getByRole('textbox', { name: 'shop' }).fill('north side')
    assert.equal(await request.getByLabel('Name of query parameter 1').inputValue(), 'coupon')
    await request.getByLabel('Value of query parameter 1').fill('SPRING')
    await page.getByText('/orders/north side?coupon=SPRING').waitFor()
    await request.getByRole('tab', { name: 'Body' }).click()
    await request.getByLabel(/^item/).fill('lamp')
    await request.getByLabel(/^quantity/).fill('3')
    await request.getByText('What is ordered').waitFor()
    await send()
    await facts.filter({ hasText: '201' }).waitFor()
    assert.match(await facts.innerText(), /\d ?m?s/)
    // The item of the stream that was answered goes on by itself.
    const item = response.getByRole('region', { name: 'Stream item' })
    await item.getByText('"shipped"').waitFor()
    const [stream, group, id] = (await item.getByRole('link').innerText()).split(' / ')
    await api('PUT', `streams/${stream}/${group}/${id}`, { data: { id, item: 'lamp', status: 'returned' } })
    await item.getByText('"returned"').waitFor()
    await item.getByText(/[1-9]\d* changes?/).waitFor()

    // What the form refuses to write, JSON can; the host says what is wrong.
    await request.getByLabel('How the body is written').selectOption('JSON')
    const editor = request.getByRole('textbox', { name: 'Body' })
    await write(editor, '{ "item": "chair", "quantity": 0 }')
    await send()
    await facts.filter({ hasText: '400' }).waitFor()
    await write(editor, '{ "item": "chair", "quantity": 2 }')
    await send()
    await facts.filter({ hasText: '201' }).waitFor()

    // As a command line that does the same.
    await page.getByRole('button', { name: 'Copy as curl' }).click()
    const command = await page.evaluate(() => navigator.clipboard.readText())
    const { stdout } = await promisify(execFile)('sh', ['-c', `${command} --silent --show-error --noproxy '*'`])
    assert.equal(JSON.parse(stdout).item, 'chair', command)

    // Saved requests outlast the page.
    await page.getByRole('button', { name: 'Save request' }).click()
    await page.getByLabel('Name', { exact: true }).fill('two chairs')
    await page.getByRole('dialog').getByRole('button', { name: 'Save', exact: true }).click()
    await write(editor, '{ "item": "table", "quantity": 1 }')
    await page.reload()
    await page.getByRole('button', { name: 'two chairs', exact: true }).click()
    await request.getByRole('tab', { name: 'Body' }).click()
    await editor.getByText('chair').waitFor()

    // The trace of what was answered.
    await send()
    const link = response.getByRole('link', { name: /^Trace/ })
    await link.click()
    await page.waitForURL(/#\/traces\//)
    const traceId = page.url().split('/').at(-1)
    const { runs } = await api('GET', `traces/${traceId}`)
    assert.equal(runs[0]?.step ?? 'CreateOrder', 'CreateOrder')
    await page.getByText('CreateOrder').first().waitFor()
  },
  {
    permissions: ['clipboard-read', 'clipboard-write'],
    allowed: [/status of 400 .*orders/],
  },
)
