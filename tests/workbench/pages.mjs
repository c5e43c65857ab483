// Every page with something on it.

import { api, order, runOf, until } from './harness.mjs'

/** A run asks for its delivery, which is gone once it is handled. */
export const HANDLED = /status of 404 .*\/deliveries\//

/** The paths of all pages, and of what opens beside their lists. */
export async function pages() {
  const [good, bad] = [await order(), await order('broken')]
  const made = await runOf(good.traceId, 'CreateOrder')
  const failed = await runOf(bad.traceId, 'ChargeOrder', ({ attempt }) => attempt === 2)
  const [letter] = await until('a dead letter', async () => {
    const { items } = await api('GET', `dead-letters?traceId=${bad.traceId}`)
    return items.length > 0 && items
  })
  await runOf(good.traceId, 'ShipOrder')
  return [
    '/flows?flow=orders',
    '/flows?flow=orders&step=CreateOrder',
    '/flows?flow=orders&step=CreateOrder&tab=schema',
    '/flows?flow=orders&step=CreateOrder&tab=grants',
    '/endpoints?step=CreateOrder',
    '/runs',
    `/runs/${made.id}`,
    `/runs/${failed.id}`,
    `/traces/${good.traceId}`,
    '/queues',
    '/queues?step=ChargeOrder',
    '/queues?step=ChargeOrder&tab=settings',
    '/dead-letters',
    `/dead-letters?letter=${letter.id}`,
    '/scheduled',
    '/crons?step=NightlyReport',
    '/state',
    `/state?group=orders&key=${good.id}`,
    '/streams',
    `/streams?stream=orders&group=all&id=${good.id}`,
    '/logs',
    '/query?sql=SELECT%201',
    '/audit',
    '/plugins/hello',
  ]
}

/** Waits until nothing of a page is being loaded, and nothing else begins to be. */
export async function settled(page) {
  await page.waitForLoadState('load')
  let quiet = 0
  await until(`${page.url()} has loaded`, async () => {
    const isBusy = await page.evaluate(() => document.querySelector('[aria-busy=true]') !== null)
    quiet = isBusy ? 0 : quiet + 1
    return quiet > 5
  })
}
