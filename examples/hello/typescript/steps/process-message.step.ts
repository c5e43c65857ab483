import type { EventConfig, EventHandler } from 'motia'

export const config: EventConfig = {
  type: 'event',
  name: 'ProcessMessage',
  description: 'Logs each message',
  subscribes: ['message.sent'],
  flows: ['messages'],
}

export const handler: EventHandler<{ text: string }> = async (input, { logger }) => {
  logger.info('Processing message', input)
}
