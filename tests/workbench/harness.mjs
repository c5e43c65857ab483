// A browser on the Workbench of a running host, driven by roles and labels as people find things. Nothing but that host can
// be reached, and whatever the browser complains about fails the script.
//
// node SCRIPT.mjs http://HOST:PORT [more]

import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { basename } from 'node:path'

import { chromium } from 'playwright-core'

/** How long anything may take, on a machine that is busy with other tests. */
export const SOON = 30_000

const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-quic',
  // No name but this machine's has an address.
  '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1',
]

/** The host, without a slash at its end. */
export const host = (process.argv[2] ?? '').replace(/\/$/, '')

export { assert }

/** Starts the browser that `CHROMIUM` names, with a directory of its own. */
export function launch() {
  const executablePath = process.env.CHROMIUM
  assert(executablePath, 'the variable CHROMIUM must name a browser')
  return chromium.launch({ executablePath, args: FLAGS })
}

/**
 * Runs a script with a browser. Options are those of a context, `at` is where the host is if not at the first argument, and
 * `allowed` says what may be complained about: answers that the script provokes.
 */
export async function run(script, { at = host, allowed = [], ...options } = {}) {
  const browser = await launch()
  try {
    const workbench = await openWorkbench(browser, { at, ...options })
    try {
      await script(workbench)
    } catch (error) {
      await describe(workbench)
      throw error
    }
    const problems = workbench.problems.filter((problem) => !allowed.some((pattern) => pattern.test(problem)))
    assert.deepEqual(problems, [], 'the browser complains')
  } finally {
    await browser.close()
  }
}

/** A context with one page. */
export async function openWorkbench(browser, { at = host, ...options } = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, serviceWorkers: 'block', ...options })
  context.setDefaultTimeout(SOON)
  const page = await context.newPage()
  const problems = await watch(context, page, new URL(at).host)
  const open = async (path) => {
    await page.goto(`${at}/__motia/#${path}`)
    await page.getByRole('heading', { level: 1 }).waitFor()
  }
  return { browser, context, page, problems, open }
}

/** What goes wrong in a page: errors, complaints of the console such as violations of the policy, requests to elsewhere. */
async function watch(context, page, home) {
  const problems = []
  page.on('pageerror', (error) => problems.push(`error: ${error.stack ?? error}`))
  page.on('console', (message) => {
    if (message.type() === 'error') problems.push(`console: ${message.text()} (${message.location().url})`)
  })
  await context.route(
    (url) => url.host !== home,
    (route) => {
      problems.push(`request to ${route.request().url()}`)
      return route.abort()
    },
  )
  return problems
}

/** What there is to see when a script fails. */
async function describe({ page, problems }) {
  mkdirSync('failures', { recursive: true })
  const path = `failures/${basename(process.argv[1], '.mjs')}.png`
  await page.screenshot({ path }).catch(() => undefined)
  const text = await page.locator('body').innerText().catch((error) => String(error))
  console.error(`at ${page.url()}, ${process.cwd()}/${path}\n${text.slice(0, 4_000)}\n${problems.join('\n')}`)
}

/** Asks the host, not by the browser. */
export async function ask(method, path, body, headers = {}) {
  const response = await fetch(`${host}${path}`, {
    method,
    headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
    body: body === undefined ? undefined : JSON.stringify(body),
  })
  const text = await response.text()
  return { status: response.status, headers: response.headers, body: text && JSON.parse(text) }
}

/** Asks the API, which must do it. */
export async function api(method, path, body) {
  const answer = await ask(method, `/__motia/api/${path}`, body)
  assert.equal(answer.status, 200, `${method} ${path}: ${JSON.stringify(answer.body)}`)
  return answer.body
}

/** Orders something: what was answered, and the trace. */
export async function order(item = 'lamp') {
  const { status, headers, body } = await ask('POST', '/orders/main', { item, quantity: 1 })
  assert.equal(status, 201, JSON.stringify(body))
  return { id: body.id, traceId: headers.get('x-trace-id') }
}

/** Waits for a value that is neither false, null nor undefined, and returns it. */
export async function until(what, look, deadline = SOON) {
  for (const end = Date.now() + deadline; ; await new Promise((resolve) => setTimeout(resolve, 50))) {
    const found = await look()
    if (found) return found
    assert(Date.now() < end, `not within ${deadline} ms: ${what}`)
  }
}

/** Waits until a page shows so many of something: what was there before a filter goes a moment after it is set. */
export function shown(locator, count) {
  return until(`${count} of ${locator}`, async () => (await locator.count()) === count)
}

/** Waits for a run of a trace, which the API lists soon after its end. */
export function runOf(traceId, step, wanted = () => true) {
  return until(`a run of ${step} in ${traceId}`, async () => {
    const { items } = await api('GET', `runs?traceId=${traceId}&step=${step}`)
    return items.find(wanted)
  })
}

/** Types into an editor of code in the place of what it has. */
export async function write(editor, text) {
  await editor.click()
  await editor.press('ControlOrMeta+a')
  // What replaces coloured text the browser would colour with a style attribute, which the policy forbids.
  await editor.press('Delete')
  // Typed key by key, brackets would be closed by the editor.
  await editor.page().keyboard.insertText(text)
}
