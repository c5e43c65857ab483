// Runs a component of the world `motia:step/step` in a host that is not ours: Node, by jco.
//
//     node other_host.mjs NODE_MODULES COMPONENT SCRATCH
//
// Prints {"config", "response", "emitted"} for one api invocation with the body {"text":"hi"}.
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { setFlagsFromString } from 'node:v8'

// Node 20 knows it, but asks to be told; the Python interpreter needs it.
setFlagsFromString('--experimental-wasm-extended-const')

const [nodeModules, component, scratch] = process.argv.slice(2)
const { transpile } = await import(pathToFileURL(join(nodeModules, '@bytecodealliance/jco/dist/api.js')))
const host = join(scratch, 'host.mjs')
writeFileSync(
  host,
  `export const emitted = []
  export const emit = (topic, data) => String(emitted.push([topic, JSON.parse(data)]))
  export const cancel = () => false
  const nothing = () => undefined
  export { nothing as log, nothing as get, nothing as set, nothing as delete, nothing as clear, nothing as send }
  export const getGroup = () => [], update = () => 'null'`,
)
const options = { name: 'step', map: { 'motia:step/*': host }, noTypescript: true }
const { files } = await transpile(readFileSync(component), options)
for (const [name, bytes] of Object.entries(files)) {
  mkdirSync(dirname(join(scratch, name)), { recursive: true })
  writeFileSync(join(scratch, name), bytes)
}
writeFileSync(join(scratch, 'package.json'), '{"type":"module"}')
symlinkSync(nodeModules, join(scratch, 'node_modules'))
const step = await import(pathToFileURL(join(scratch, 'step.js')))
const { emitted } = await import(pathToFileURL(host))
const rawBody = new TextEncoder().encode('{"text":"hi"}')
const request = {
  method: 'POST', path: '/messages', pathParams: [], queryParams: '{}', rawBody,
  headers: [['content-type', 'application/json']], body: { tag: 'json' },
}
const invocation = {
  id: '1', traceId: 'trace', flows: [], attempt: 1, deadline: 4102444800000n, trigger: { tag: 'api', val: request },
}
const config = JSON.parse(step.config())
const { status, body } = step.handle(invocation)
process.stdout.write(JSON.stringify({ config, response: { status, body: JSON.parse(body.val) }, emitted }))
