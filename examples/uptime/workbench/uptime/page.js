const waiting = new Map()
let count = 0

/** Asks the API of the host, by way of the Workbench. */
function ask(method, path, body) {
  const id = ++count
  parent.postMessage({ type: 'motia:request', id, method, path, body }, '*')
  return new Promise((resolve) => waiting.set(id, resolve))
}

addEventListener('message', ({ source, data }) => {
  if (source !== parent) return
  if (data.type === 'motia:theme') document.documentElement.dataset.theme = data.theme
  if (data.type !== 'motia:response') return
  waiting.get(data.id)?.(data)
  waiting.delete(data.id)
})

async function refresh() {
  const { status, body } = await ask('GET', 'state/checks')
  const items = status === 200 ? body.items : []
  const rows = items.map(({ value }) => {
    const cells = [value.url, value.status ?? 'no answer', `${value.ms} ms`, value.count, new Date(value.checkedAt).toLocaleString()]
    const row = document.createElement('tr')
    row.append(...cells.map((text) => Object.assign(document.createElement('td'), { textContent: text })))
    return row
  })
  document.querySelector('#checks').replaceChildren(...rows)
  const failed = status === 200 ? '' : body.error
  document.querySelector('#note').textContent = failed || (rows.length ? '' : 'Nothing was checked yet: is UPTIME_URL set?')
  setTimeout(refresh, 2000)
}

refresh()
