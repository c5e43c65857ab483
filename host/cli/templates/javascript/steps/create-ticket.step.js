export const config = {
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

export const handler = async (req, { emit, state, traceId }) => {
  const ticket = { id: traceId, title: req.body.title, priority: 'unknown' }
  await state.set('tickets', ticket.id, ticket)
  await emit({ topic: 'ticket.created', data: ticket })
  return { status: 201, body: ticket }
}
