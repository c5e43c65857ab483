import type { ApiMiddleware } from 'motia'
import { HttpError } from './errors'

// Read where modules usually read it. The build notices, and evaluates this module when a step is
// called, so the value is never part of what was built.
const key = process.env.TODO_API_KEY ?? 'secret'

/** Lets through who knows the key. */
export const authenticate: ApiMiddleware = async (req, { logger }, next) => {
  if (req.headers['x-api-key'] !== key) {
    logger.warn('refused a request without the key', { path: req.path })
    throw new HttpError(401, 'send the key in the header x-api-key')
  }
  return next()
}
