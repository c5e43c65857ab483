// What the status page and the overlay share; each is served with this before it.

const script = document.currentScript

// Calls `show` with the status of the build, now and at each change, and `lost` when nobody answers.
// Only while the page is visible: a browser opens six connections to a server, over all its tabs.
function followBuild(show, lost) {
  const address = new URL('/__motia/events', script.src || location.href)
  let source
  const follow = () => {
    source?.close()
    source = undefined
    if (document.hidden) return
    source = new EventSource(address)
    source.onmessage = event => show(JSON.parse(event.data))
    source.onerror = () => lost?.()
  }
  document.addEventListener('visibilitychange', follow)
  follow()
}

function element(tag, properties, ...children) {
  const made = Object.assign(document.createElement(tag), properties)
  made.append(...children)
  return made
}

function count(number, what) {
  return `${number} ${what}${number === 1 ? '' : 's'}`
}

function errorList(errors) {
  return element('ol', { className: 'errors' }, ...errors.map(errorItem))
}

function errorItem({ file, line, column, excerpt, message }) {
  const place = [file ?? 'project', line, column].filter(part => part != null).join(':')
  const item = element('li', {}, element('code', { className: 'place' }, place), element('p', {}, message))
  if (excerpt != null) item.append(element('pre', { tabIndex: 0 }, quote(line, column, excerpt)))
  return item
}

// The line, and below it a mark at the column; tabs stay, so that the mark is where the column is.
function quote(line, column, excerpt) {
  const head = `${line} | `
  if (column == null) return head + excerpt
  const indent = excerpt.slice(0, column - 1).replace(/[^\t]/g, ' ')
  return `${head}${excerpt}\n${' '.repeat(head.length)}${indent}^`
}

function useStyle(root, style) {
  const sheet = new CSSStyleSheet()
  sheet.replaceSync(SHARED_STYLE + style)
  root.adoptedStyleSheets = [sheet]
}

const SHARED_STYLE = `
:root, :host {
  color-scheme: light dark;
  --text: #1c1f24; --muted: #5a6270; --page: #ffffff; --panel: #f5f6f8; --line: #d9dde3; --bad: #b3261e; --good: #1a7f37;
}
@media (prefers-color-scheme: dark) {
  :root, :host {
    --text: #e8eaee; --muted: #a3abb8; --page: #16181c; --panel: #202329; --line: #3a3f48; --bad: #ff8a80; --good: #6fd08c;
  }
}
code, pre { font: 13px/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
.errors { margin: 0; padding: 0; list-style: none; }
.errors li { padding: 14px 0; border-top: 1px solid var(--line); }
.errors p { margin: 4px 0; white-space: pre-wrap; overflow-wrap: anywhere; }
.errors pre { margin: 8px 0 0; padding: 10px 12px; overflow-x: auto; border-radius: 6px; background: var(--panel); }
.errors .place { font-weight: 600; color: var(--bad); overflow-wrap: anywhere; }
`
