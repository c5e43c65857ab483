// What Node's programs expect to find without an import. `Buffer` is not here: the bundler adds it
// to the modules that name it (`node/buffer-global.js`).

import process from './node/process.js';

globalThis.process = process;
globalThis.global = globalThis;

// Zod compiles a schema to JavaScript when it first checks something. Here that would be in each
// invocation, and costs more than the checks of many.
globalThis.__zod_globalConfig = { jitless: true };
