// Runs a component that `jco transpile -I async --name step` has taken apart, once per call in a fresh instance.
//
//     node run_component.mjs TRANSPILED_DIR NODE_MODULES < calls.json > results.json
//
// A call is {"env": [[name, value]], "trigger": TRIGGER}, without a trigger it reads the config. A result is
// {"ok": value} or {"failure": record}, with what was emitted and logged.
import fs from 'node:fs'
import path from 'node:path'
import { pathToFileURL } from 'node:url'

const [directory, nodeModules] = process.argv.slice(2)
const load = (...parts) => import(pathToFileURL(path.resolve(...parts)))
const { instantiate } = await load(directory, 'step.js')
const wasi = await load(nodeModules, '@bytecodealliance/preview2-shim/dist/nodejs/index.js')

const compiled = new Map()
const core = (file) => {
  if (!compiled.has(file)) compiled.set(file, WebAssembly.compile(fs.readFileSync(path.join(directory, file))))
  return compiled.get(file)
}

const results = []
for (const call of JSON.parse(fs.readFileSync(0, 'utf8'))) {
  const emitted = []
  const logged = []
  const absent = () => undefined
  const imports = {
    'motia:step/emitter': { emit: (topic, data) => emitted.push([topic, JSON.parse(data)]) && undefined },
    'motia:step/logger': { log: (level, message, args) => logged.push([level, message, args && JSON.parse(args)]) },
    'motia:step/state': { get: absent, set: absent, delete: absent, getGroup: () => [], clear: absent, update: () => 'null' },
    'motia:step/streams': { get: absent, set: (_s, _g, _i, data) => data, delete: absent, getGroup: () => [], send: absent },
  }
  for (const [space, interfaces] of Object.entries(wasi)) {
    for (const [name, functions] of Object.entries(interfaces)) {
      imports[`wasi:${space}/${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`] = functions
    }
  }
  imports['wasi:cli/environment'] = { getEnvironment: () => call.env ?? [], getArguments: () => [], initialCwd: absent }
  // The step's own output must not mix with the results.
  imports['wasi:cli/stdout'] = { ...imports['wasi:cli/stdout'], getStdout: imports['wasi:cli/stderr'].getStderr }

  const step = await instantiate(core, imports)
  const result = { emitted, logged }
  try {
    if (!call.trigger) {
      result.ok = JSON.parse(step.config())
    } else {
      if (call.trigger.tag === 'api') call.trigger.val.rawBody = new TextEncoder().encode(call.trigger.val.rawBody)
      const invocation = { id: '1', traceId: 'trace', flows: [], attempt: 1, deadline: 0n, trigger: call.trigger }
      result.ok = step.handle(invocation) ?? null
    }
  } catch (error) {
    if (!error.payload) throw error
    result.failure = error.payload
  }
  results.push(result)
}
process.stdout.write(JSON.stringify(results))
