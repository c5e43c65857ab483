/** A page that plays a game and follows the streams `games` and `leaderboard` over one WebSocket. */
export const page = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Four in a row</title>
<style>
  :root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; --line: color-mix(in srgb, currentColor 18%, transparent) }
  body { margin: 0 auto; padding: 2rem 1rem; max-width: 56rem; display: grid; gap: 2rem; grid-template-columns: auto 1fr }
  @media (max-width: 40rem) { body { grid-template-columns: 1fr } }
  h1 { font-size: 1.1rem; margin: 0 0 .75rem }
  #board { display: grid; grid-template-columns: repeat(7, 3rem); gap: .35rem; padding: .75rem; border-radius: 1rem; background: #2f4fbf }
  #board button { width: 3rem; height: 3rem; border: 0; border-radius: 50%; background: #0e1a4a; cursor: pointer }
  #board button.x { background: #ffd23f }
  #board button.o { background: #f2545b }
  table { border-collapse: collapse; width: 100% }
  td, th { text-align: right; padding: .35rem .6rem; border-bottom: 1px solid var(--line) }
  td:first-child, th:first-child { text-align: left }
  form { display: flex; gap: .5rem; margin-bottom: 1rem }
  input, form button { font: inherit; padding: .5rem .7rem; border: 1px solid var(--line); border-radius: .5rem; background: none; color: inherit }
</style>
<section>
  <form id="start"><input name="player" aria-label="Your name" placeholder="Your name" required maxlength="40"><button>New game</button></form>
  <div id="board"></div>
  <p id="said" role="status">Say who you are and begin.</p>
</section>
<section>
  <h1>Leaderboard</h1>
  <table><thead><tr><th>Player</th><th>Won</th><th>Drawn</th><th>Lost</th><th>Points</th></tr></thead><tbody id="standings"></tbody></table>
</section>
<script>
  const standings = new Map()
  let game = null
  let socket
  const join = (streamName, id) => socket.send(JSON.stringify({ type: 'join', data: { streamName, groupId: 'all', id, subscriptionId: streamName + (id ?? '') } }))
  function connect() {
    socket = new WebSocket(location.origin.replace('http', 'ws') + '/')
    socket.onopen = () => { join('leaderboard'); if (game) join('games', game.id) }
    socket.onclose = () => setTimeout(connect, 1000)
    socket.onmessage = ({ data }) => {
      const { streamName, event } = JSON.parse(data)
      if (event.type === 'event') return
      if (streamName === 'games') { if (event.data.id === game?.id) game = event.data }
      else for (const item of [event.data].flat()) standings.set(item.id, item)
      show()
    }
  }
  const post = async (path, body) => (await fetch(path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })).json()
  function show() {
    const cells = []
    for (let row = 5; row >= 0; row--) for (let column = 0; column < 7; column++) {
      const cell = document.createElement('button')
      cell.className = game ? game.board[row * 7 + column] : '.'
      cell.ariaLabel = 'column ' + (column + 1)
      cell.onclick = async () => { if (game) { const after = await post('/games/' + game.id + '/moves', { column }); if (after.error) document.getElementById('said').textContent = after.error } }
      cells.push(cell)
    }
    document.getElementById('board').replaceChildren(...cells)
    if (game) document.getElementById('said').textContent =
      { x: 'You have won!', o: 'The engine has won.', draw: 'A draw.' }[game.winner] ?? (game.turn === 'x' ? 'Your turn: yellow.' : 'The engine thinks …')
    const rows = [...standings.values()].sort((a, b) => b.points - a.points || a.lost - b.lost)
    document.getElementById('standings').replaceChildren(...rows.map((row) => {
      const tr = document.createElement('tr')
      for (const text of [row.id, row.won, row.drawn, row.lost, row.points]) tr.append(Object.assign(document.createElement('td'), { textContent: text }))
      return tr
    }))
  }
  document.getElementById('start').onsubmit = async (event) => {
    event.preventDefault()
    game = await post('/games', { player: event.target.elements.player.value })
    join('games', game.id)
    show()
  }
  connect()
  show()
</script>
</html>
`
