import type { ApiResponse, ApiRouteConfig, ApiRouteHandler } from 'motia'
import type { Ticket } from './ticket'

export const config: ApiRouteConfig = {
  type: 'api',
  name: 'CreateTicket',
  description: 'Takes a ticket and has it triaged',
  method: 'POST',
  path: '/tickets',
  // Bodies are checked before the step starts; what does not fit is answered with 400.
  bodySchema: {
    type: 'object',
    properties: { title: { type: 'string', minLength: 1, maxLength: 200 } },
    required: ['title'],
  },
  emits: ['ticket.created'],
  flows: ['tickets'],
}

type Created = { topic: 'ticket.created'; data: Ticket }

export const handler: ApiRouteHandler<{ title: string }, ApiResponse<201, Ticket>, Created> = async (req, ctx) => {
  const ticket: Ticket = { id: ctx.traceId, title: req.body.title, priority: 'unknown' }
  await ctx.state.set('tickets', ticket.id, ticket)
  await ctx.emit({ topic: 'ticket.created', data: ticket })
  return { status: 201, body: ticket }
}
