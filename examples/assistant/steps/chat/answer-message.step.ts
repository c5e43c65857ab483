import type { EventConfig, EventHandler } from 'motia'
import { streamed, type Turn, written } from '../../src/model'

export const config: EventConfig = {
  type: 'event',
  name: 'AnswerMessage',
  description: 'Asks the model and writes its answer into the chat while it comes',
  subscribes: ['chat.message'],
  input: {
    type: 'object',
    properties: { chatId: { type: 'string' }, answerId: { type: 'string' } },
    required: ['chatId', 'answerId'],
  },
  emits: [],
  flows: ['chat'],
  // One answer at a time in a chat, in the order of the questions.
  infrastructure: { queue: { type: 'fifo', maxRetries: 2, backoff: { type: 'fixed', delaySeconds: 1 } } },
}

export const handler: EventHandler<{ chatId: string; answerId: string }, never> = async ({ chatId, answerId }, ctx) => {
  const { messages } = ctx.streams
  const answer = await messages.get(chatId, answerId)
  if (!answer || answer.status === 'done') return
  const before = (await messages.getGroup(chatId)).filter((message) => message.id < answerId && message.text)
  const turns: Turn[] = before.slice(-20).map(({ role, text }) => ({ role, content: text }))
  const write = (text: string, status: 'writing' | 'done' | 'failed' = 'writing') =>
    messages.set(chatId, answerId, { id: answerId, role: 'assistant', text, status, at: answer.at })
  try {
    const text = await written(streamed([{ role: 'system', content: 'You are a helpful assistant.' }, ...turns]), write)
    await write(text, 'done')
    ctx.logger.info('Answered', { chatId, characters: text.length })
  } catch (error) {
    await write('The model does not answer. It is asked again in a moment.', 'failed')
    throw error
  }
}
