// The pictures of the documentation: the Workbench on the example `assistant`, light and dark.
//
// node examples/assistant/model/server.mjs & motia dev examples/assistant &
// CHROMIUM=$(command -v chromium) node screenshots.mjs http://127.0.0.1:3000 docs/images

import { join } from 'node:path'

import { ask, assert, host, launch, openWorkbench, runOf, until } from './harness.mjs'
import { settled } from './pages.mjs'

const directory = process.argv[3]
assert(host && directory, 'expected the address of the host and a directory')

const QUESTIONS = ['Should we write our own database?', 'Is it worth moving to another region?', 'Do we need a message broker?']

/** Asks for some research and chats a little; the last trace with all that it has caused. */
async function traffic() {
  let traceId
  for (const question of QUESTIONS) {
    const started = await ask('POST', '/research', { question })
    assert(started.status < 300, JSON.stringify(started.body))
    traceId = started.headers.get('x-trace-id')
    await ask('POST', '/chats/lobby/messages', { text: question })
    await runOf(traceId, 'WriteReport')
  }
  return traceId
}

const traceId = await traffic()
const run = await runOf(traceId, 'WriteReport')
const browser = await launch()
for (const colorScheme of ['light', 'dark']) {
  const { context, page, open } = await openWorkbench(browser, { colorScheme, reducedMotion: 'reduce' })
  const show = async (name, path, work = async () => undefined) => {
    await open(path)
    await work()
    await settled(page)
    await page.mouse.move(0, 0)
    await page.screenshot({ path: join(directory, `${name}-${colorScheme}.png`) })
  }
  await show('flows', '/flows?flow=research', () => page.locator('.react-flow__node').nth(5).waitFor())
  await show('runs', '/runs', () => page.getByRole('row').getByText('WriteReport').first().waitFor())
  await show('run', `/runs/${run.id}`, () => page.getByRole('treegrid').getByRole('row').nth(10).waitFor())
  await show('endpoints', '/endpoints?step=SendMessage', async () => {
    await page.getByRole('textbox', { name: 'chatId' }).fill('lobby')
    await page.getByRole('tab', { name: 'Body' }).click()
    await page.getByLabel(/^text/).fill('What can you do?')
    await page.getByRole('button', { name: 'Send', exact: true }).click()
    // The answer is being written into the item.
    const changes = page.getByRole('region', { name: 'Stream item' }).getByText(/\d+ changes/)
    await until('some words of the answer', async () => parseInt(await changes.innerText().catch(() => '0')) > 5)
  })
  await context.close()
}
await browser.close()
