import type { ApiResponse, ApiRouteConfig, ApiRouteHandler } from 'motia'
import type { Ticket } from './ticket'

export const config: ApiRouteConfig = {
  type: 'api',
  name: 'GetTicket',
  description: 'Reads one ticket',
  method: 'GET',
  path: '/tickets/:id',
  flows: ['tickets'],
}

type Response = ApiResponse<200, Ticket> | ApiResponse<404, { error: string }>

export const handler: ApiRouteHandler<unknown, Response> = async (req, { state }) => {
  const ticket = await state.get<Ticket>('tickets', req.pathParams.id)
  if (!ticket) return { status: 404, body: { error: 'no such ticket' } }
  return { status: 200, body: ticket }
}
