// What Node's programs expect to find without an import. `Buffer` is not here: the bundler adds it
// to the modules that name it (`node/buffer-global.js`).

import process from './node/process.js';

globalThis.process = process;
globalThis.global = globalThis;
