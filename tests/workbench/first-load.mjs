// The first load of a page stays small: what is transferred, compressed and with headers, until all of it is there.

import { assert, launch, openWorkbench } from './harness.mjs'
import { settled } from './pages.mjs'

const MOST = 500_000

const browser = await launch()
for (const path of ['/flows', '/runs', '/endpoints']) {
  const { context, page, open } = await openWorkbench(browser)
  const session = await context.newCDPSession(page)
  await session.send('Network.enable')
  let [bytes, answers] = [0, 0]
  session.on('Network.loadingFinished', ({ encodedDataLength }) => {
    bytes += encodedDataLength
    answers += 1
  })
  await open(path)
  await settled(page)
  await page.waitForTimeout(1_000)
  console.log(`first load of ${path}: ${bytes} bytes in ${answers} answers`)
  assert(bytes > 50_000, 'something was transferred')
  assert(bytes < MOST, `${bytes} bytes for ${path}`)
  await context.close()
}
await browser.close()
