// Runs a bundled step in a realm of its own, with a host that the test provides.

import vm from 'node:vm';
import { bundle, project } from './bundle.mjs';

const WEB = [
  'AbortController', 'ArrayBuffer', 'Blob', 'Headers', 'ReadableStream', 'Response', 'TextDecoder', 'TextEncoder', 'URL', 'URLSearchParams',
  'Uint8Array', 'clearTimeout', 'fetch', 'queueMicrotask', 'setInterval', 'setTimeout',
];

/** Sends the imports of the world to the test's host. */
const mockImports = {
  name: 'mock-imports',
  setup(build) {
    build.onResolve({ filter: /^(motia:step|wasi:cli)\// }, ({ path }) => ({ path, namespace: 'host' }));
    build.onLoad({ filter: /.*/, namespace: 'host' }, ({ path }) => {
      const name = /\/(\w+)@/.exec(path)[1];
      const call = (method) => `(...args) => host.${name}.${method}(...args)`;
      const methods = ['emit', 'cancel', 'log', 'get', 'set', 'getGroup', 'clear', 'update', 'send', 'getEnvironment'];
      const exports = methods.map((method) => `export const ${method} = ${call(method)};`).join('\n');
      return { contents: `${exports}\nconst remove = ${call('delete')};\nexport { remove as delete };` };
    });
  },
};

/** A refusal as the bindings throw it. */
export const refusal = (tag, val) => Object.assign(new Error('refused'), { payload: { tag, val } });

/**
 * @param {Record<string, string>} files the project
 * @param {object} [step] as for `bundle`; the first file is the step by default
 * @param {{ env?: Record<string, string> }} [world]
 */
export async function start(files, step = {}, { env = {} } = {}) {
  const code = await bundle(project(files), { file: Object.keys(files)[0], ...step }, {
    format: 'iife',
    globalName: 'exported',
    external: [],
    plugins: [mockImports],
  });
  const calls = [];
  const record = (name, answer) => (...args) => {
    calls.push([name, ...args]);
    return answer?.(...args);
  };
  const host = {
    emitter: { emit: record('emit', () => 'event-1'), cancel: record('cancel', (id) => id === 'event-1') },
    logger: { log: record('log') },
    state: Object.fromEntries(['get', 'set', 'delete', 'clear'].map((name) => [name, record(`state.${name}`)])),
    streams: Object.fromEntries(['get', 'delete', 'send'].map((name) => [name, record(`streams.${name}`)])),
    environment: { getEnvironment: () => Object.entries(env) },
  };
  host.state.getGroup = record('state.getGroup', () => []);
  host.state.update = record('state.update', () => '1');
  host.streams.getGroup = record('streams.getGroup', () => []);
  host.streams.set = record('streams.set', (_stream, _group, id, json) => JSON.stringify({ ...JSON.parse(json), id }));

  const output = [];
  const realm = vm.createContext({
    host,
    console: { log: (text) => output.push(text), error() {}, warn() {} },
    performance: { now: () => performance.now() },
    crypto: { getRandomValues: (array) => crypto.getRandomValues(array), randomUUID: () => crypto.randomUUID() },
    ...Object.fromEntries(WEB.map((name) => [name, globalThis[name]])),
  });
  vm.runInContext(`var globalThis = this; ${code}\nthis.exported = exported;`, realm, { filename: 'step.js' });
  const report = JSON.parse(output.find((line) => line.startsWith('motia-init:')).slice('motia-init:'.length));
  const { config, handle } = realm.exported;
  return { calls, config: async () => JSON.parse(await config()), handle, host, report };
}

const invocation = (tag, val) => ({ id: 'i', traceId: 'T-1', flows: ['f'], attempt: 2, deadline: 9n, trigger: { tag, val } });

const received = (data, fields) => ({ id: 'e-1', topic: 't', data: JSON.stringify(data), headers: [], ...fields });

/** An invocation of an event step; `fields` are those of the record `event`. */
export const event = (data, fields) => invocation('event', received(data, fields));

/** An invocation with events that were gathered. */
export const batch = (...data) => invocation('batch', data.map((one, index) => received(one, { id: `e-${index + 1}` })));

/** An invocation of a step with another trigger. */
export const trigger = invocation;

/** An invocation of an api step. */
export function request({ rawBody = '', ...fields } = {}) {
  return invocation('api', {
    method: 'POST', path: '/a', pathParams: [], queryParams: '{}', headers: [], body: { tag: 'empty' },
    rawBody: typeof rawBody === 'string' ? new TextEncoder().encode(rawBody) : rawBody,
    ...fields,
  });
}
