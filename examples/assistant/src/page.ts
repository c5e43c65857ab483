/** A page that follows the streams `messages` and `research` over one WebSocket. */
export const page = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Assistant</title>
<style>
  :root { color-scheme: light dark; --line: color-mix(in srgb, currentColor 18%, transparent); font: 15px/1.5 system-ui, sans-serif }
  body { margin: 0 auto; padding: 2rem 1rem; max-width: 64rem; display: grid; gap: 2rem; grid-template-columns: 1fr 1fr }
  @media (max-width: 44rem) { body { grid-template-columns: 1fr } }
  h1 { font-size: 1.1rem; margin: 0 0 .75rem }
  ol { list-style: none; margin: 0 0 1rem; padding: 0; display: grid; gap: .5rem }
  li { border: 1px solid var(--line); border-radius: .6rem; padding: .6rem .8rem; white-space: pre-wrap }
  li.user { justify-self: end; background: color-mix(in srgb, #4f6df5 18%, transparent) }
  li.writing::after, li.working::after { content: '▍'; animation: blink 1s step-end infinite }
  li strong { display: block; font-weight: 600 }
  @keyframes blink { 50% { opacity: 0 } }
  form { display: flex; gap: .5rem }
  input { flex: 1; min-width: 0; font: inherit; padding: .5rem .7rem; border: 1px solid var(--line); border-radius: .5rem; background: none; color: inherit }
  button { font: inherit; padding: .5rem .9rem; border: 0; border-radius: .5rem; background: #4f6df5; color: #fff }
</style>
<section>
  <h1>Chat</h1>
  <ol id="messages" aria-live="polite"></ol>
  <form id="chat"><input name="text" aria-label="Message" placeholder="Say something" autocomplete="off" required><button>Send</button></form>
</section>
<section>
  <h1>Research</h1>
  <form id="ask"><input name="question" aria-label="Question" placeholder="What is to be found out?" autocomplete="off" required><button>Find out</button></form>
  <br><ol id="research" aria-live="polite"></ol>
</section>
<script>
  const chat = new URL(location).searchParams.get('chat') ?? Math.random().toString(36).slice(2, 10)
  history.replaceState(null, '', '?chat=' + chat)
  const items = { messages: new Map(), research: new Map() }
  const groups = new Map([['messages', chat]])
  const since = {}
  let socket

  function join(streamName) {
    const groupId = groups.get(streamName)
    socket.send(JSON.stringify({ type: 'join', data: { streamName, groupId, subscriptionId: streamName, since: since[streamName + groupId] } }))
  }

  function connect() {
    socket = new WebSocket(location.origin.replace('http', 'ws') + '/')
    socket.onopen = () => [...groups.keys()].forEach(join)
    socket.onclose = () => setTimeout(connect, 1000)
    socket.onmessage = ({ data }) => {
      const { streamName, groupId, offset, event } = JSON.parse(data)
      if (groups.get(streamName) !== groupId) return
      const known = items[streamName]
      if (offset !== undefined) since[streamName + groupId] = offset
      if (event.type === 'sync') { known.clear(); event.data.forEach((item) => known.set(item.id, item)) }
      if (event.type === 'create' || event.type === 'update') known.set(event.data.id, event.data)
      if (event.type === 'delete') known.delete(event.data.id)
      show(streamName)
    }
  }

  function show(streamName) {
    const sorted = [...items[streamName].values()].sort((a, b) => (a.id < b.id ? -1 : 1))
    document.getElementById(streamName).replaceChildren(...sorted.map((item) => {
      const row = document.createElement('li')
      row.className = [item.role, item.status].filter(Boolean).join(' ')
      if (item.title) row.append(Object.assign(document.createElement('strong'), { textContent: item.title }))
      row.append(item.text)
      return row
    }))
  }

  const post = (path, body) => fetch(path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })
  document.getElementById('chat').onsubmit = async (event) => {
    event.preventDefault()
    const { text } = event.target.elements
    await post('/chats/' + chat + '/messages', { text: text.value })
    text.value = ''
  }
  document.getElementById('ask').onsubmit = async (event) => {
    event.preventDefault()
    const answer = await post('/research', { question: event.target.elements.question.value })
    items.research.clear()
    groups.set('research', (await answer.json()).id)
    join('research')
  }
  connect()
</script>
</html>
`
