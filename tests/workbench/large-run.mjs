// A run with 50,000 spans opens, and its last one can be reached.

import { api, ask, assert, run, runOf } from './harness.mjs'

const SPANS = 50_000
/** Bounds for a busy machine; what was measured is printed. */
const MOST_MS = 5_000

await run(async ({ page, open }) => {
  const { status, headers } = await ask('GET', `/read/${SPANS}`)
  assert.equal(status, 200)
  const { id, spans } = await runOf(headers.get('x-trace-id'), 'ReadOften')
  assert(spans >= SPANS, `${spans} spans`)
  const last = await api('GET', `runs/${id}/spans?after=${spans - 2}`)
  assert.equal(last.items.at(-1).index, spans - 1)

  await open('/queues')
  const times = {}
  const timed = async (what, work) => {
    const started = performance.now()
    await work()
    times[what] = Math.round(performance.now() - started)
  }
  const grid = page.getByRole('treegrid', { name: 'Spans and log records by time' })
  const rows = () => grid.getAttribute('aria-rowcount').then(Number)
  await timed('first rows', async () => {
    await open(`/runs/${id}`)
    await grid.getByRole('row').nth(5).waitFor()
  })
  await timed('all rows', () => page.waitForFunction((spans) => Number(document.querySelector('[role=treegrid]').ariaRowCount) >= spans, spans))
  await timed('to the end', async () => {
    await grid.focus()
    await grid.press('End')
    await grid.locator(`[aria-rowindex="${await rows()}"]`).waitFor()
  })
  await timed('scrolled by the wheel', async () => {
    await grid.hover()
    for (let turns = 0; turns < 50; turns++) await page.mouse.wheel(0, -4_000)
    await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))))
  })
  await timed('searched', async () => {
    await page.getByRole('searchbox').fill('key-49999')
    await page.waitForFunction(() => Number(document.querySelector('[role=treegrid]').ariaRowCount) === 1)
  })
  await grid.getByText('key-49999').click()
  await page.getByRole('complementary').getByText('key-49999').waitFor()
  console.log(`a run with ${spans} spans, in ms:`, times)
  for (const [what, ms] of Object.entries(times)) assert(ms < MOST_MS, `${what}: ${ms} ms`)
})
