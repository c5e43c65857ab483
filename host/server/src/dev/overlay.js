// The errors of a broken build over a page of a step. It covers the page until the build is good or
// the user hides it; then it comes back for other errors only. With `data-reload` on its script
// element the page is loaded again whenever another version serves.

const OVERLAY_STYLE = `
:host { all: initial !important; color-scheme: light dark !important; }
dialog {
  box-sizing: border-box; width: min(860px, calc(100vw - 32px)); max-height: calc(100vh - 64px); padding: 20px 24px; overflow-y: auto;
  border: 1px solid var(--line); border-top: 4px solid var(--bad); border-radius: 10px;
  font: 15px/1.5 system-ui, sans-serif; text-align: left; color: var(--text); background: var(--page); box-shadow: 0 12px 48px #0006;
}
dialog::backdrop { background: #0008; }
header { display: flex; align-items: baseline; gap: 12px; margin-bottom: 14px; }
h1 { flex: 1; margin: 0; font-size: 18px; }
button { padding: 4px 10px; font: inherit; color: inherit; background: var(--panel); border: 1px solid var(--line); border-radius: 6px; cursor: pointer; }
footer { padding-top: 14px; font-size: 13px; color: var(--muted); border-top: 1px solid var(--line); }
a { color: inherit; }
`

function startOverlay() {
  const title = element('h1', { id: 'title' })
  const button = element('button', { type: 'button', autofocus: true }, 'Hide (Esc)')
  const errors = element('div', { id: 'errors' })
  const page = element('a', { href: new URL('/__motia/build', script.src) }, 'the status of the build')
  const footer = element('footer', {}, 'What was built before is served on. See ', page, '.')
  const dialog = element('dialog', {}, element('header', {}, title, button), errors, footer)
  dialog.setAttribute('role', 'alertdialog')
  dialog.setAttribute('aria-labelledby', 'title')
  dialog.setAttribute('aria-describedby', 'errors')

  const host = document.createElement('motia-overlay')
  const root = host.attachShadow({ mode: 'open' })
  useStyle(root, OVERLAY_STYLE)
  root.append(dialog)
  document.documentElement.append(host)

  let shown, hidden, loaded
  const hide = () => {
    hidden = shown
    dialog.close()
  }
  button.onclick = hide
  dialog.oncancel = hide

  followBuild(status => {
    loaded ??= status.deployment
    if (script.hasAttribute('data-reload') && status.deployment !== loaded) return location.reload()
    if (status.state === 'building') {
      title.textContent = 'Building…'
    } else if (status.state === 'good') {
      shown = hidden = undefined
      dialog.close()
    } else {
      shown = JSON.stringify(status.errors)
      title.textContent = `The build has ${count(status.errors.length, 'error')}`
      errors.replaceChildren(errorList(status.errors))
      if (!dialog.open && shown !== hidden) dialog.showModal()
    }
  })
}

// A page that replaces its own body may run the script again.
if (!document.querySelector('motia-overlay')) startOverlay()
