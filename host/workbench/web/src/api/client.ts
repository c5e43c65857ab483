import { token, tokenRefused } from './token.ts'

/** Where the API is; relative to the document, so that the Workbench works under any base path. */
export function apiUrl(path: string, parameters: Parameters = {}): URL {
  const url = new URL(`api/${path}`, document.baseURI.split('#')[0])
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== undefined && value !== null && value !== '') url.searchParams.set(name, String(value))
  }
  return url
}

/** Where the project's own endpoints are. */
export function projectUrl(): URL {
  return new URL('..', document.baseURI.split('#')[0])
}

/** A path of segments that may hold any character. */
export function path(...segments: string[]): string {
  return segments.map(encodeURIComponent).join('/')
}

export type Parameters = Record<string, string | number | boolean | null | undefined>

/** What the API answers instead of what was asked for; status 0 if no answer came. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
  ) {
    super(message)
    this.name = 'ApiError'
  }
}

/** The headers that every request to the API carries. */
export function apiHeaders(): Record<string, string> {
  const held = token()
  return held ? { authorization: `Bearer ${held}` } : {}
}

/** The error that an answer stands for. */
export async function errorOf(answer: Response): Promise<ApiError> {
  if (answer.status === 401) tokenRefused()
  const text = await answer.text().catch(() => '')
  try {
    const { error, code, message } = JSON.parse(text) as { error: string; code: string; message?: string }
    return new ApiError(answer.status, code, message && message !== error ? `${error}: ${message}` : error)
  } catch {
    return new ApiError(answer.status, 'unknown', text || `The host answered ${answer.status}.`)
  }
}

async function request<T>(method: string, url: URL, body?: unknown, signal?: AbortSignal): Promise<T> {
  const headers = apiHeaders()
  if (body !== undefined) headers['content-type'] = 'application/json'
  let answer: Response
  try {
    answer = await fetch(url, { method, headers, body: body === undefined ? undefined : JSON.stringify(body), signal })
  } catch (cause) {
    if (signal?.aborted) throw cause
    throw new ApiError(0, 'unreachable', 'The host does not answer. Is it running?')
  }
  if (!answer.ok) throw await errorOf(answer)
  return (await answer.json()) as T
}

export const api = {
  get: <T>(path: string, parameters?: Parameters, signal?: AbortSignal) =>
    request<T>('GET', apiUrl(path, parameters), undefined, signal),
  post: <T>(path: string, body: unknown = {}, signal?: AbortSignal) =>
    request<T>('POST', apiUrl(path), body, signal),
  put: <T>(path: string, body: unknown) => request<T>('PUT', apiUrl(path), body),
  patch: <T>(path: string, body: unknown) => request<T>('PATCH', apiUrl(path), body),
  delete: <T>(path: string) => request<T>('DELETE', apiUrl(path)),
}
