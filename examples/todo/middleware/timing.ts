import type { ApiMiddleware } from 'motia'

/** Says how long everything inside it took. */
export const timing: ApiMiddleware = async (_req, _ctx, next) => {
  const started = performance.now()
  const response = await next()
  const ms = performance.now() - started
  return { ...response, headers: { ...response.headers, 'x-response-time': `${ms.toFixed(1)} ms` } }
}
