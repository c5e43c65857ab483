// Dead letters: grouped by error, one with the errors of all its attempts, redriven and discarded.

import { api, ask, assert, order, run, until } from './harness.mjs'

/** The dead letter of an order whose card is refused twice. */
const letterOf = ({ traceId }) =>
  until('a dead letter', async () => (await api('GET', `dead-letters?traceId=${traceId}`)).items[0])

/** The letter that is open may be asked for once more while it is redriven. */
const allowed = [/status of 404 .*dead-letters\/\d+/]

await run(async ({ page, open }) => {
  const orders = [await order('broken'), await order('broken')]
  const letters = await Promise.all(orders.map(letterOf))

  await open('/dead-letters')
  const groups = page.getByRole('listitem').filter({ hasText: 'ChargeOrder' }).filter({ hasText: 'the card for order' })
  // Messages with different ids are one group: a click takes no second one.
  await groups.getByRole('button', { expanded: false }).click()
  await groups.getByRole('button', { name: orders[0].id }).click()

  // Both attempts, with stacks.
  const panel = page.getByRole('complementary')
  await panel.getByText('2 attempts, the last one first').waitFor()
  for (const attempt of [1, 2]) await panel.getByLabel(`Stack of attempt ${attempt}`).getByText('charge-order.step.ts').waitFor()

  // Redriven: two more attempts end in another dead letter.
  await panel.getByRole('button', { name: 'Redrive', exact: true }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Redrive', exact: true }).click()
  await page.getByText('The redrive has begun.').waitFor()
  await until('the letter was given up again', async () => {
    const { items } = await api('GET', `dead-letters?traceId=${orders[0].traceId}`)
    return items.some(({ diedAt }) => diedAt > letters[0].diedAt)
  })

  // Discarded, found by its trace.
  await page.getByRole('searchbox', { name: 'Trace id' }).fill(orders[1].traceId)
  await page.waitForURL(/traceId=/)
  await page.getByText('1 letter,').waitFor()
  await groups.getByRole('button', { name: 'Discard', exact: true }).click()
  await page.getByRole('button', { name: 'Discard for good' }).click()
  await page.getByText('No dead letter matches the filter').waitFor()
  assert.equal((await ask('GET', `/__motia/api/dead-letters/${letters[1].id}`)).status, 404)
}, { allowed })
