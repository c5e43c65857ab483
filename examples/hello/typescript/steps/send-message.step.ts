import type { ApiResponse, ApiRouteConfig, ApiRouteHandler } from 'motia'

type Message = { text: string }

export const config: ApiRouteConfig = {
  type: 'api',
  name: 'SendMessage',
  description: 'Takes a message and hands it on',
  method: 'POST',
  path: '/messages',
  bodySchema: {
    type: 'object',
    properties: { text: { type: 'string' } },
    required: ['text'],
  },
  emits: ['message.sent'],
  flows: ['messages'],
}

type Sent = { topic: 'message.sent'; data: Message }

export const handler: ApiRouteHandler<Message, ApiResponse<200, { ok: true }>, Sent> = async (req, { emit }) => {
  await emit({ topic: 'message.sent', data: { text: req.body.text } })
  return { status: 200, body: { ok: true } }
}
