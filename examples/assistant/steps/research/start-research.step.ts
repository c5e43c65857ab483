import type { ApiResponse, ApiRouteConfig, ApiRouteHandler } from 'motia'

export const config: ApiRouteConfig = {
  type: 'api',
  name: 'StartResearch',
  description: 'Begins a piece of research; its parts are in the stream `research`',
  method: 'POST',
  path: '/research',
  bodySchema: {
    type: 'object',
    properties: { question: { type: 'string', minLength: 3, maxLength: 500 } },
    required: ['question'],
    additionalProperties: false,
  },
  emits: ['research.started'],
  flows: ['research'],
}

type Started = { topic: 'research.started'; data: { id: string; question: string } }

export const handler: ApiRouteHandler<{ question: string }, ApiResponse<202, { id: string }>, Started> = async (req, ctx) => {
  const id = crypto.randomUUID()
  const { question } = req.body
  await ctx.streams.research.set(id, '0-plan', { id: '0-plan', title: `Plan: ${question}`, text: '', status: 'waiting' })
  await ctx.emit({ topic: 'research.started', data: { id, question } })
  return { status: 202, body: { id } }
}
