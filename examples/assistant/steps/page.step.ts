import type { ApiResponse, ApiRouteConfig, ApiRouteHandler } from 'motia'
import { page } from '../src/page'

export const config: ApiRouteConfig = {
  type: 'api',
  name: 'Page',
  description: 'The page that follows the streams',
  method: 'GET',
  path: '/',
  emits: [],
  flows: ['chat', 'research'],
}

export const handler: ApiRouteHandler<unknown, ApiResponse<200, string>, never> = async () => ({
  status: 200,
  headers: { 'content-type': 'text/html; charset=utf-8' },
  body: page,
})
