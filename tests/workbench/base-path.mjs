// Behind a proxy that puts the host under a path.

import { createServer, request } from 'node:http'

import { assert, host, run } from './harness.mjs'

const BASE = '/base'

/** Takes the base off and asks the host. */
const proxy = createServer((asked, answer) => {
  if (!asked.url.startsWith(`${BASE}/`)) return answer.writeHead(404).end()
  const { method, headers } = asked
  const forwarded = request(host + asked.url.slice(BASE.length), { method, headers }, (got) => {
    answer.writeHead(got.statusCode, got.headers)
    got.pipe(answer)
  })
  forwarded.on('error', () => answer.destroy())
  answer.on('close', () => forwarded.destroy())
  asked.pipe(forwarded)
})
await new Promise((resolve) => proxy.listen(0, '127.0.0.1', resolve))
const at = `http://127.0.0.1:${proxy.address().port}${BASE}`

try {
  await run(
    async ({ page, open }) => {
      // Without the slash it is found too.
      await page.goto(`${at}/__motia`)
      await page.waitForURL(`${at}/__motia/#/flows`)
      await page.locator('.react-flow__node').first().waitFor()
      await page.getByRole('status').getByText('Live').waitFor()

      await open('/endpoints?step=CreateOrder')
      await page.getByRole('textbox', { name: 'shop' }).fill('east')
      await page.getByText(`${BASE}/orders/east`).waitFor()
      await page.getByRole('tab', { name: 'Body' }).click()
      await page.getByLabel(/^item/).fill('lamp')
      await page.getByRole('button', { name: 'Send', exact: true }).click()
      await page.getByRole('status').filter({ hasText: '201' }).waitFor()
      await page.getByRole('region', { name: 'Stream item' }).getByText('"shipped"').waitFor()

      await open('/plugins/hello')
      await page.frameLocator('iframe[title=Hello]').getByText(/^\d+ steps$/).waitFor()
      assert(page.url().startsWith(`${at}/__motia/#`))
    },
    { at },
  )
} finally {
  proxy.closeAllConnections()
  proxy.close()
}
