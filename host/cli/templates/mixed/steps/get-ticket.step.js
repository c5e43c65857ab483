export const config = {
  type: 'api',
  name: 'GetTicket',
  description: 'Reads one ticket',
  method: 'GET',
  path: '/tickets/:id',
  flows: ['tickets'],
}

export const handler = async (req, { state }) => {
  const ticket = await state.get('tickets', req.pathParams.id)
  if (!ticket) return { status: 404, body: { error: 'no such ticket' } }
  return { status: 200, body: ticket }
}
