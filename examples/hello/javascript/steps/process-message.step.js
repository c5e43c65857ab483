export const config = {
  type: 'event',
  name: 'ProcessMessage',
  description: 'Logs each message',
  subscribes: ['message.sent'],
  flows: ['messages'],
}

export const handler = async (input, { logger }) => {
  logger.info('Processing message', input)
}
