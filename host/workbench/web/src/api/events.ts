import { apiHeaders, errorOf } from './client.ts'

/** An event of a `text/event-stream`. */
export interface ServerEvent {
  event: string
  data: string
  id: string | null
}

/** Splits a `text/event-stream` into events; what is incomplete waits for the next chunk. */
export class EventParser {
  #rest = ''

  push(chunk: string): ServerEvent[] {
    const blocks = (this.#rest + chunk).replaceAll('\r\n', '\n').split('\n\n')
    this.#rest = blocks.pop() ?? ''
    return blocks.flatMap((block) => parse(block) ?? [])
  }
}

function parse(block: string): ServerEvent | null {
  let event = 'message'
  let id: string | null = null
  const data: string[] = []
  for (const line of block.split('\n')) {
    const colon = line.indexOf(':')
    if (colon <= 0) continue
    const value = line.slice(colon + 1).replace(/^ /, '')
    const field = line.slice(0, colon)
    if (field === 'event') event = value
    else if (field === 'data') data.push(value)
    else if (field === 'id') id = value
  }
  return data.length > 0 ? { event, data: data.join('\n'), id } : null
}

/** Reads a `text/event-stream` to its end. `EventSource` cannot send the token; `fetch` can. */
export async function readEvents(
  url: URL,
  signal: AbortSignal,
  onEvent: (event: ServerEvent) => void,
  onOpen?: () => void,
): Promise<void> {
  const answer = await fetch(url, { headers: { ...apiHeaders(), accept: 'text/event-stream' }, signal })
  if (!answer.ok) throw await errorOf(answer)
  onOpen?.()
  const parser = new EventParser()
  const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader()
  while (reader) {
    const { done, value } = await reader.read()
    if (done) return
    for (const event of parser.push(value)) onEvent(event)
  }
}

/** How long to wait before the next attempt to connect. */
export function backoffMs(failures: number): number {
  return Math.min(250 * 2 ** failures, 10_000) * (0.75 + Math.random() / 2)
}
