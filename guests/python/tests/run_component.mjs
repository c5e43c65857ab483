// Loads a step into the engine, which `jco transpile -I async --name engine` has taken apart, keeps the memory, and
// makes each call in a fresh instance with that memory, as the host does.
//
//     node run_component.mjs TRANSPILED_DIR NODE_MODULES < input.json > output.json
//
// The input is {"mounts": {GUEST_PATH: DIRECTORY}, "calls": [CALL]}. A call is {"env": [[name, value]], "mounts": {...},
// "trigger": TRIGGER}; without a trigger it reads the config. The output is {"report", "differ", "results"}: "differ" is
// how many bytes differ when it is loaded twice; a result is {"ok": value} or {"failure": record}, with what was emitted and logged.
import fs from 'node:fs'
import path from 'node:path'
import { pathToFileURL } from 'node:url'

const [directory, nodeModules] = process.argv.slice(2)
const load = (...parts) => import(pathToFileURL(path.resolve(...parts)))
const shim = (file) => load(nodeModules, '@bytecodealliance/preview2-shim/dist/nodejs', file)
const { instantiate } = await load(directory, 'engine.js')
const wasi = await shim('index.js')
const { _setPreopens } = await shim('filesystem.js')

const compiled = new Map()
const core = (file) => {
  if (!compiled.has(file)) compiled.set(file, WebAssembly.compile(fs.readFileSync(path.join(directory, file))))
  return compiled.get(file)
}

// What the host fixes while a step is loaded.
const still = {
  'wasi:clocks/wall-clock': { now: () => ({ seconds: 1577836800n, nanoseconds: 0 }) },
  'wasi:clocks/monotonic-clock': { now: () => 1000000000n },
  'wasi:random/random': { getRandomBytes: (length) => new Uint8Array(Number(length)).fill(7), getRandomU64: () => 7n },
}

/** An instance of the engine, its memory, and what it emits and logs. */
async function start({ mounts = {}, env = [] }, fixed = {}) {
  _setPreopens(mounts)
  const seen = { emitted: [], options: [], logged: [] }
  const absent = () => undefined
  const emit = (topic, data, options) => {
    seen.options.push(options)
    return `event ${seen.emitted.push([topic, JSON.parse(data)])}`
  }
  const imports = {
    'motia:step/emitter': { emit, cancel: () => true },
    'motia:step/logger': { log: (level, message, args) => seen.logged.push([level, message, args && JSON.parse(args)]) },
    'motia:step/state': { get: absent, set: absent, delete: absent, getGroup: () => [], clear: absent, update: () => 'null' },
    'motia:step/streams': { get: absent, set: (_s, _g, _i, data) => data, delete: absent, getGroup: () => [], send: absent },
  }
  for (const [space, interfaces] of Object.entries(wasi)) {
    for (const [name, functions] of Object.entries(interfaces)) {
      const full = `wasi:${space}/${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`
      imports[full] = { ...functions, ...fixed[full] }
    }
  }
  imports['wasi:cli/environment'] = { getEnvironment: () => env, getArguments: () => [], initialCwd: absent }
  // The step's own output must not mix with the results.
  imports['wasi:cli/stdout'] = { ...imports['wasi:cli/stdout'], getStdout: imports['wasi:cli/stderr'].getStderr }
  let memory
  const exports = await instantiate(core, imports, async (module, given) => {
    const instance = await WebAssembly.instantiate(module, given)
    memory ??= instance.exports.memory
    return instance
  })
  return { exports, memory, seen }
}

/** The report, and the memory that is the step. */
async function loadStep(mounts) {
  const { exports, memory } = await start({ mounts }, still)
  const report = JSON.parse(exports.config())
  return { report, image: new Uint8Array(memory.buffer).slice() }
}

/** The result of one call. */
async function run(call, image) {
  const { exports, memory, seen } = await start(call)
  memory.grow((image.length - memory.buffer.byteLength) / 65536)
  new Uint8Array(memory.buffer).set(image)
  try {
    if (!call.trigger) return { ...seen, ok: JSON.parse(exports.config()) }
    if (call.trigger.tag === 'api') call.trigger.val.rawBody = new TextEncoder().encode(call.trigger.val.rawBody)
    const invocation = { id: '1', traceId: 'trace', flows: [], attempt: 1, deadline: 0n, trigger: call.trigger }
    return { ...seen, ok: exports.handle(invocation) ?? null }
  } catch (error) {
    if (!error.payload) throw error
    return { ...seen, failure: error.payload }
  }
}

const { mounts, calls } = JSON.parse(fs.readFileSync(0, 'utf8'))
const { report, image } = await loadStep(mounts)
const again = await loadStep(mounts)
const results = []
for (const call of calls) results.push(await run(call, image))
const differ = image.reduce((count, byte, at) => count + (byte !== again.image[at]), 0)
const numbers = (_key, value) => (typeof value === 'bigint' ? Number(value) : value)
process.stdout.write(JSON.stringify({ report, differ, results }, numbers))
