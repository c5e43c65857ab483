import type { ApiResponse, ApiRouteConfig, ApiRouteHandler } from 'motia'
import { type Change, type Check, url } from '../src/site'

export const config: ApiRouteConfig = {
  type: 'api',
  name: 'SiteStatus',
  description: 'The last check of the site, and its last change',
  method: 'GET',
  path: '/status',
  flows: ['uptime'],
}

type Status = Check & { lastChange: Change | null }
type Response = ApiResponse<200, Status> | ApiResponse<404, { error: string }>

export const handler: ApiRouteHandler<unknown, Response> = async (_req, { state }) => {
  const check = url ? await state.get<Check>('checks', url) : null
  if (!url || !check) return { status: 404, body: { error: 'the site was not checked yet' } }
  return { status: 200, body: { ...check, lastChange: await state.get<Change>('changes', url) } }
}
