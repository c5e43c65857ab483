import type { ApiResponse, ApiRouteConfig, ApiRouteHandler } from 'motia'
import { page } from '../src/page'

export const config: ApiRouteConfig = {
  type: 'api',
  name: 'Page',
  description: 'The board and the leaderboard',
  method: 'GET',
  path: '/',
  emits: [],
  flows: ['game'],
}

export const handler: ApiRouteHandler<unknown, ApiResponse<200, string>, never> = async () => ({
  status: 200,
  headers: { 'content-type': 'text/html; charset=utf-8' },
  body: page,
})
