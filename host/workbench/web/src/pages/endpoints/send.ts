import { projectUrl } from '../../api/client.ts'
import type { Json, Step } from '../../api/types.ts'
import { type Draft, hasBody, headersOf, parsedBody, urlOf } from './request.ts'

/** What an endpoint has answered. */
export interface Answer {
  status: number
  statusText: string
  ms: number
  headers: [string, string][]
  bytes: Uint8Array<ArrayBuffer>
  /** None if the body is no text. */
  text: string | null
  json: Json | undefined
  traceId: string | null
}

/** Sends a request to the real endpoint. */
export async function send(step: Step, draft: Draft, signal: AbortSignal): Promise<Answer> {
  const begun = performance.now()
  const response = await fetch(urlOf(projectUrl(), step, draft), {
    method: step.method,
    headers: headersOf(step, draft),
    body: hasBody(step, draft) ? draft.body : undefined,
    cache: 'no-store',
    signal,
  })
  const bytes = new Uint8Array(await response.arrayBuffer())
  const ms = performance.now() - begun
  const text = textOf(bytes)
  return {
    status: response.status,
    statusText: response.statusText,
    ms,
    headers: [...response.headers].sort(([one], [other]) => one.localeCompare(other)),
    bytes,
    text,
    json: text === null ? undefined : parsedBody(text),
    traceId: response.headers.get('x-trace-id'),
  }
}

function textOf(bytes: Uint8Array): string | null {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    return text.includes('\0') ? null : text
  } catch {
    return null
  }
}
