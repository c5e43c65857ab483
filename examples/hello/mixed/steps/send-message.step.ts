import type { ApiResponse, ApiRouteConfig, ApiRouteHandler } from 'motia'

type Message = { text: string }

export const config: ApiRouteConfig = {
  type: 'api',
  name: 'SendMessage',
  description: 'Takes a message and hands it to three languages',
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
type Accepted = { ok: true; traceId: string }

export const handler: ApiRouteHandler<Message, ApiResponse<200, Accepted>, Sent> = async (req, ctx) => {
  const { text } = req.body
  await ctx.state.update('messages', ctx.traceId, [{ type: 'set', path: 'typescript', value: text }])
  await ctx.emit({ topic: 'message.sent', data: { text } })
  return { status: 200, body: { ok: true, traceId: ctx.traceId } }
}
