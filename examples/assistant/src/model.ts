/** A message of a conversation with a model. */
export type Turn = { role: 'system' | 'user' | 'assistant'; content: string }

const base = process.env.MODEL_URL ?? 'http://127.0.0.1:4010/v1'
const model = process.env.MODEL_NAME ?? 'local'

async function ask(messages: Turn[], stream: boolean): Promise<Response> {
  const key = process.env.MODEL_API_KEY
  const response = await fetch(`${base}/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(key ? { authorization: `Bearer ${key}` } : {}) },
    body: JSON.stringify({ model, messages, stream }),
  })
  if (!response.ok) throw new Error(`the model answered ${response.status}: ${await response.text()}`)
  return response
}

/** The whole answer at once. */
export async function complete(messages: Turn[]): Promise<string> {
  const answer = (await (await ask(messages, false)).json()) as { choices: { message: { content: string } }[] }
  return answer.choices[0].message.content
}

/** The answer piece by piece, as the model writes it. */
export async function* streamed(messages: Turn[]): AsyncGenerator<string> {
  const response = await ask(messages, true)
  if (!response.body) return
  const reader = response.body.getReader()
  const decoder = new TextDecoder()
  let rest = ''
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return
    rest += decoder.decode(value, { stream: true })
    const lines = rest.split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) {
      if (!line.startsWith('data: ') || line === 'data: [DONE]') continue
      const piece = JSON.parse(line.slice(6)).choices[0]?.delta?.content
      if (piece) yield piece
    }
  }
}

/** Calls `write` with the text so far, at most every `ms`, and once at the end. */
export async function written(pieces: AsyncIterable<string>, write: (text: string) => Promise<unknown>, ms = 50): Promise<string> {
  let text = ''
  let last = 0
  for await (const piece of pieces) {
    text += piece
    if (Date.now() - last < ms) continue
    await write(text)
    last = Date.now()
  }
  return text
}
