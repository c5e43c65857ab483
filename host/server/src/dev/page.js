// The status page: `/__motia/build`, and what a broken build shows at a path that no step has.

useStyle(document, `
body { margin: 0; font: 15px/1.5 system-ui, sans-serif; color: var(--text); background: var(--page); }
main { max-width: 960px; margin: 0 auto; padding: 24px 16px 64px; }
h1 { margin: 0 0 16px; font-size: 22px; }
h2 { margin: 32px 0 8px; font-size: 16px; }
#state { padding: 10px 14px; border-left: 4px solid var(--muted); background: var(--panel); }
#state.good { border-color: var(--good); }
#state.broken { border-color: var(--bad); }
.scroll { overflow-x: auto; }
table { width: 100%; border-collapse: collapse; }
th, td { padding: 6px 16px 6px 0; text-align: left; vertical-align: top; border-top: 1px solid var(--line); }
th { font-weight: 600; color: var(--muted); }
a { color: inherit; }
`)

const byId = id => document.getElementById(id)
const isHome = /^\/__motia\/build$/.test(location.pathname)

if (!isHome) {
  byId('missing').hidden = false
  byId('missing').append('No step that is served answers ', element('code', {}, `GET ${location.pathname}`), '. It is asked again once the build is good.')
}

function say(state, text) {
  byId('state').className = state
  byId('state').textContent = text
  document.title = `${text} - motia dev`
}

function summary({ state, ms, rebuilt, errors }) {
  if (state === 'building') return 'Building…'
  if (state === 'broken') return `The build has ${count(errors.length, 'error')}`
  const built = rebuilt.length > 0 ? `${rebuilt.join(', ')} built` : 'up to date'
  return `Good: ${built} in ${ms} ms`
}

function trigger({ method, path, subscribes, cron }) {
  const text = path ? `${method} ${path}` : subscribes?.join(', ') ?? cron ?? ''
  const code = element('code', {}, text)
  const isPlain = method === 'GET' && /^[\w/.~-]+$/.test(path)
  return isPlain ? element('a', { href: path }, code) : code
}

function stepRow(step) {
  const cells = [step.type, trigger(step), step.name, element('code', {}, step.file)]
  return element('tr', {}, ...cells.map(cell => element('td', {}, cell)))
}

followBuild(
  status => {
    if (status.state === 'good' && !isHome) return location.reload()
    say(status.state, summary(status))
    byId('steps').replaceChildren(...status.steps.map(stepRow))
    // While it builds, the errors of the build before are the best that is known.
    if (status.state !== 'building') byId('errors').replaceChildren(errorList(status.errors ?? []))
  },
  () => say('', 'motia dev does not answer; this page waits for it'),
)
