import type { ApiMiddleware } from 'motia'

/** Thrown by a handler that has nothing better to answer than a status and a sentence. */
export class HttpError extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message)
  }
}

/** Answers what handlers throw on purpose; anything else is a fault and stays one. */
export const errors: ApiMiddleware = async (_req, _ctx, next) => {
  try {
    return await next()
  } catch (error) {
    if (error instanceof HttpError) return { status: error.status, body: { error: error.message } }
    throw error
  }
}
