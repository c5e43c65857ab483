import type { EventConfig, EventHandler } from 'motia'
import type { Change } from '../src/site'

export const config: EventConfig = {
  type: 'event',
  name: 'RecordChange',
  description: 'Remembers when the site went down or came back',
  subscribes: ['site.changed'],
  flows: ['uptime'],
}

export const handler: EventHandler<Change> = async (change, { logger, state }) => {
  logger.info('The site changed', change)
  await state.set('changes', change.url, change)
}
