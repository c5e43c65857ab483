import type { ApiResponse, ApiRouteConfig, ApiRouteHandler } from 'motia'
import type { Message } from './messages.stream'

export const config: ApiRouteConfig = {
  type: 'api',
  name: 'SendMessage',
  description: 'Takes a message, and answers with the item that the answer will be written into',
  method: 'POST',
  path: '/chats/:chatId/messages',
  bodySchema: {
    type: 'object',
    properties: { text: { type: 'string', minLength: 1, maxLength: 4000 } },
    required: ['text'],
    additionalProperties: false,
  },
  emits: [{ topic: 'chat.message', label: 'answer it' }],
  flows: ['chat'],
}

type Sent = { topic: 'chat.message'; data: { chatId: string; answerId: string }; messageGroupId?: string }

export const handler: ApiRouteHandler<{ text: string }, ApiResponse<202, Message>, Sent> = async (req, { emit, streams }) => {
  const { chatId } = req.pathParams
  const at = Date.now()
  // Ids sort by time, so that the conversation is in order.
  const id = (offset: number) => `${at + offset}-${crypto.randomUUID().slice(0, 8)}`
  const question: Message = { id: id(0), role: 'user', text: req.body.text, status: 'done', at }
  const answer: Message = { id: id(1), role: 'assistant', text: '', status: 'writing', at: at + 1 }
  await streams.messages.set(chatId, question.id, question)
  const live = await streams.messages.set(chatId, answer.id, answer)
  await emit({ topic: 'chat.message', data: { chatId, answerId: answer.id }, messageGroupId: chatId })
  return { status: 202, body: live }
}
