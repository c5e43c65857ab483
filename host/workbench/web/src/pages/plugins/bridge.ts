import type { Role } from '../../api/types.ts'

/** What a plugin may ask of the page around it. */
export interface PluginRequest {
  type: 'motia:request'
  id: string | number
  method: string
  path: string
  body?: unknown
}

export interface PluginResponse {
  type: 'motia:response'
  id: string | number
  status: number
  body: unknown
}

const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']

/** A message as a request; undefined for anything else. */
export function requestOf(message: unknown): PluginRequest | undefined {
  if (typeof message !== 'object' || message === null) return undefined
  const { type, id, method, path, body } = message as Record<string, unknown>
  if (type !== 'motia:request' || (typeof id !== 'string' && typeof id !== 'number')) return undefined
  return { type, id, method: String(method ?? 'GET').toUpperCase(), path: String(path ?? ''), body }
}

/** Why a request may not be passed on; undefined if it may. */
export function refusal(request: PluginRequest, role: Role): PluginResponse | undefined {
  const refuse = (status: number, code: string, error: string): PluginResponse => ({
    type: 'motia:response',
    id: request.id,
    status,
    body: { error, code },
  })
  if (!METHODS.includes(request.method)) return refuse(400, 'invalid_request', `\`${request.method}\` is no method; there are ${METHODS.join(', ')}`)
  if (pathOf(request.path) === undefined) {
    return refuse(400, 'invalid_request', `\`${request.path}\` is no path of the API; expected one such as \`runs?limit=10\``)
  }
  const reads = request.method === 'GET' || (request.method === 'POST' && pathOf(request.path) === 'query')
  if (role !== 'admin' && !reads) return refuse(403, 'forbidden', `the token's role is \`${role}\`, which may only read`)
  return undefined
}

/** A path that stays under the API, however it is written; undefined for another one. */
export function pathOf(path: string): string | undefined {
  const base = new URL('http://api.invalid/api/')
  let url
  try {
    url = new URL(path.replace(/^\/+/, ''), base)
  } catch {
    return undefined
  }
  const inside = url.origin === base.origin && url.pathname.startsWith(base.pathname) && !url.hash
  // What the browser leaves alone, a proxy may decode.
  if (!inside || /(^|[/\\])\.\.($|[/\\])/.test(decoded(url.pathname))) return undefined
  return url.pathname.slice(base.pathname.length) + url.search || undefined
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path)
  } catch {
    return '..'
  }
}

/** Asks the API for a plugin, with `send` as `fetch` with the path of the API and the token. */
export async function answer(
  request: PluginRequest,
  role: Role,
  send: (path: string, init: RequestInit) => Promise<Response>,
): Promise<PluginResponse> {
  const refused = refusal(request, role)
  if (refused) return refused
  const init: RequestInit = { method: request.method }
  if (request.method !== 'GET' && request.body !== undefined) {
    init.body = JSON.stringify(request.body)
    init.headers = { 'content-type': 'application/json' }
  }
  const respond = (status: number, body: unknown): PluginResponse => ({ type: 'motia:response', id: request.id, status, body })
  try {
    const response = await send(pathOf(request.path)!, init)
    if (response.headers.get('content-type')?.startsWith('text/event-stream')) {
      await response.body?.cancel()
      return respond(400, { error: 'a stream of events never ends; ask for a list again and again instead', code: 'invalid_request' })
    }
    const text = await response.text()
    return respond(response.status, parsed(text))
  } catch (error) {
    return respond(0, { error: String(error), code: 'unreachable' })
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
