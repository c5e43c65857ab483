// Node's `process`, as far as it makes sense without a process.

import { env } from '../environment.js';

/** A module's dependencies look at this; it is the version whose behaviour the stand-ins follow. */
const NODE_VERSION = '20.0.0';

const nothing = () => process;

/** Nanoseconds; the origin is of no meaning, as in Node. */
function hrtime(before) {
  const now = performance.now();
  const seconds = Math.floor(now / 1000);
  const nanos = Math.floor((now % 1000) * 1e6);
  if (!before) return [seconds, nanos];
  const difference = nanos - before[1];
  return difference < 0 ? [seconds - before[0] - 1, difference + 1e9] : [seconds - before[0], difference];
}
hrtime.bigint = () => BigInt(Math.floor(performance.now() * 1e6));

const output = (write) => ({
  isTTY: false,
  write(text) {
    // The console ends each line itself.
    write(String(text).replace(/\n$/, ''));
    return true;
  },
});

const process = {
  env,
  argv: ['motia', 'step'],
  execArgv: [],
  title: 'motia',
  pid: 1,
  platform: 'wasi',
  arch: 'wasm32',
  version: `v${NODE_VERSION}`,
  versions: { node: NODE_VERSION },
  release: { name: 'motia' },
  exitCode: undefined,
  stdout: output((text) => console.log(text)),
  stderr: output((text) => console.error(text)),
  cwd: () => '/',
  nextTick: (callback, ...args) => queueMicrotask(() => callback(...args)),
  uptime: () => performance.now() / 1000,
  hrtime,
  emitWarning: (warning) => console.warn(String(warning)),
  exit(code) {
    throw new Error(`process.exit(${code ?? ''}) was called: a step ends by returning or throwing`);
  },
  on: nothing,
  once: nothing,
  off: nothing,
  addListener: nothing,
  removeListener: nothing,
  listeners: () => [],
};

export const { argv, cwd, emitWarning, exit, nextTick, platform, version, versions, stdout, stderr, uptime, pid, arch } = process;
export { env, hrtime };
export default process;
