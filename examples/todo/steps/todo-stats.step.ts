import type { ApiResponse, ApiRouteConfig, ApiRouteHandler } from 'motia'
import { timing } from '../middleware/timing'

type Stats = { created: number }

export const config: ApiRouteConfig = {
  type: 'api',
  name: 'TodoStats',
  description: 'How many todos were ever created',
  method: 'GET',
  path: '/todos/stats',
  flows: ['todos'],
  middleware: [timing],
}

export const handler: ApiRouteHandler<unknown, ApiResponse<200, Stats>> = async (_req, { state }) => {
  const stats = await state.get<Stats>('stats', 'todos')
  return { status: 200, body: stats ?? { created: 0 } }
}
