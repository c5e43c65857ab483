// A model server for development: it speaks the chat completions API that most providers offer, streams its answer
// word by word, and says the same thing every time. Start it with `node model/server.mjs`; PORT is 4010.
import { createServer } from 'node:http'

const port = Number(process.env.PORT ?? 4010)
const pause = Number(process.env.WORD_MS ?? 20)

const topics = ['history', 'costs', 'risks']

/** What the model answers to the last message. */
function answerTo(messages) {
  const system = messages.find((message) => message.role === 'system')?.content ?? ''
  const asked = messages.findLast((message) => message.role === 'user')?.content ?? ''
  if (system.includes('JSON list')) return JSON.stringify(topics.map((topic) => `${asked.trim().replace(/\?$/, '')}: ${topic}?`))
  if (system.includes('Summarise')) return `In short, ${asked.trim().toLowerCase()} It depends, and three sources agree that it does.`
  if (system.includes('report')) return `# Report\n\n${asked.trim()}\n\nAll in all the picture is clear: what was asked can be answered, and this is the answer.`
  const turns = messages.filter((message) => message.role === 'user').length
  return `You said: "${asked.trim()}". This is answer number ${turns} of a small model that runs on your own machine, so it costs nothing and knows nothing.`
}

async function readJson(request) {
  const chunks = []
  for await (const chunk of request) chunks.push(chunk)
  return JSON.parse(Buffer.concat(chunks).toString())
}

const server = createServer(async (request, response) => {
  if (request.method !== 'POST' || !request.url?.endsWith('/chat/completions')) {
    response.writeHead(404, { 'content-type': 'application/json' })
    return response.end(JSON.stringify({ error: { message: 'only POST /v1/chat/completions' } }))
  }
  let body
  try {
    body = await readJson(request)
  } catch {
    response.writeHead(400, { 'content-type': 'application/json' })
    return response.end(JSON.stringify({ error: { message: 'the body is not JSON' } }))
  }
  const content = answerTo(body.messages ?? [])
  if (!body.stream) {
    response.writeHead(200, { 'content-type': 'application/json' })
    return response.end(JSON.stringify({ choices: [{ index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' }] }))
  }
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
  for (const word of content.split(/(?<= )/)) {
    response.write(`data: ${JSON.stringify({ choices: [{ index: 0, delta: { content: word } }] })}\n\n`)
    await new Promise((resolve) => setTimeout(resolve, pause))
  }
  response.end('data: [DONE]\n\n')
})

server.listen(port, '127.0.0.1', () => console.log(`model on http://127.0.0.1:${server.address().port}/v1`))
