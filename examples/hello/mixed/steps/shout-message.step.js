export const config = {
  type: 'event',
  name: 'ShoutMessage',
  description: 'Writes the message in capitals',
  subscribes: ['message.sent'],
  flows: ['messages'],
}

export const handler = async (input, { logger, state, traceId }) => {
  logger.info('Processing message', input)
  const value = input.text.toUpperCase()
  await state.update('messages', traceId, [{ type: 'set', path: 'javascript', value }])
}
