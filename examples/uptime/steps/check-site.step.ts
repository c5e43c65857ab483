import type { CronConfig, CronHandler } from 'motia'
import { type Change, type Check, url } from '../src/site'

export const config: CronConfig = {
  type: 'cron',
  name: 'CheckSite',
  description: 'Asks the site every two seconds',
  cron: '*/2 * * * * *',
  emits: ['site.changed'],
  flows: ['uptime'],
}

export const handler: CronHandler<{ topic: 'site.changed'; data: Change }> = async ({ emit, logger, state }) => {
  if (!url) {
    logger.warn('UPTIME_URL is not set: there is nothing to check')
    return
  }
  const before = await state.get<Check>('checks', url)
  const started = performance.now()
  const status = await statusOf(url)
  const now = {
    url,
    status,
    ok: status !== null && status < 400,
    ms: Math.round(performance.now() - started),
    checkedAt: new Date().toISOString(),
  }
  await state.update('checks', url, [
    { type: 'merge', value: now },
    { type: 'increment', path: 'count' },
  ])
  if (before && before.status !== status) {
    await emit({ topic: 'site.changed', data: { url, from: before.status, to: status, at: now.checkedAt } })
  }
}

/** The status that the site answers, or null where it does not answer. */
async function statusOf(site: string): Promise<number | null> {
  try {
    return (await fetch(site)).status
  } catch {
    return null
  }
}
