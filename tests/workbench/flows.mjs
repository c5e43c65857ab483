// Flows: the graph is drawn, counts while it works, keeps where nodes are put, and says all about a step.

import { api, assert, order, run, runOf, shown, until } from './harness.mjs'

const NODES = ['CreateOrder', 'ChargeOrder', 'ShipOrder', 'AskReview', 'ApproveOrder']

await run(async ({ page, open }) => {
  await open('/flows?flow=orders')
  const graph = page.getByLabel('Flow orders')
  const node = (name) => graph.locator('.react-flow__node').filter({ hasText: name })
  for (const name of NODES) await node(name).waitFor()
  await shown(graph.locator('.react-flow__node'), NODES.length)
  for (const label of ['paid?', 'a person looks']) await graph.getByText(label).waitFor()
  const { edges } = (await api('GET', 'flows')).items.find(({ name }) => name === 'orders')
  assert.deepEqual(
    edges.filter(({ kind }) => kind === 'virtual').map(({ source, target }) => [source, target]),
    [['CreateOrder', 'ApproveOrder']],
  )
  const dashes = await graph.locator('.react-flow__edge-path').evaluateAll((paths) => paths.map((path) => getComputedStyle(path).strokeDasharray))
  assert.equal(dashes.length, edges.length)
  assert(new Set(dashes).size > 1, `virtual edges look like others: ${dashes}`)

  // Counts follow what happens elsewhere.
  const succeeded = async (name) => Number((await node(name).getByTitle(/succeeded$/).getAttribute('title', { timeout: 1_000 }).catch(() => '0')).split(' ')[0])
  const before = await succeeded('ShipOrder')
  await Promise.all([order(), order()])
  await until('the count grows by itself', async () => (await succeeded('ShipOrder')) >= before + 2)
  const failed = await order('broken')
  await runOf(failed.traceId, 'ChargeOrder', ({ attempt }) => attempt === 2)
  await node('ChargeOrder').getByTitle(/dead letters?$/).waitFor()

  // Where a node is dragged to is kept.
  const transform = () => node('ChargeOrder').evaluate((element) => element.style.transform)
  const start = await transform()
  const box = await node('ChargeOrder').boundingBox()
  const [x, y] = [box.x + box.width / 2, box.y + 12]
  await page.mouse.move(x, y)
  await page.mouse.down()
  await page.mouse.move(x + 40, y + 60, { steps: 4 })
  await page.mouse.move(x + 60, y + 90, { steps: 4 })
  await page.mouse.up()
  const moved = await transform()
  assert.notEqual(moved, start)
  await until('the position is stored', async () => {
    const { positions } = (await api('GET', 'flows')).items.find(({ name }) => name === 'orders')
    const { x, y } = positions.ChargeOrder ?? {}
    return moved === `translate(${x}px, ${y}px)`
  })
  await page.reload()
  await node('ChargeOrder').waitFor()
  assert.equal(await transform(), moved)

  // A click opens what is known of the step.
  await node('CreateOrder').getByText('CreateOrder').click()
  const panel = page.getByRole('complementary').filter({ hasText: 'create-order.step.ts' })
  const tab = (name) => panel.getByRole('tab', { name }).click()
  await panel.getByText('crypto.randomUUID').waitFor()
  await tab('Config')
  await panel.getByText('bodySchema').waitFor()
  await tab('Schema')
  await panel.getByText('What is ordered').waitFor()
  await panel.getByText('A coupon').waitFor()
  await tab('Grants')
  await panel.getByText('Outgoing HTTP').waitFor()
  await panel.getByText('memoryBytes').waitFor()
  await tab('Recent runs')
  await page.waitForURL(/tab=runs/)
  await panel.getByRole('row').filter({ hasText: 'succeeded' }).first().click()
  await page.waitForURL(/#\/runs\/[0-9a-f]{16}/)
})
