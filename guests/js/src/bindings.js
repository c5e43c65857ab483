// The generated bindings of the world, as far as the glue has business with them.
//
// They are evaluated in a realm of their own, whose functions build the records of the contract and
// call the host. Their names are those of the pinned componentize-js; where one is missing, as in
// the tests in Node, the glue does without.

import { emit } from 'motia:step/emitter@0.3.0';

/** Compiles a function in the realm of the bindings; imported functions belong to it. */
const Realm = emit.constructor;

/** What the glue uses of the bindings, or null without them. */
export const bindings = find();

function find() {
  if (typeof new Realm('return this')().export_handle !== 'function') return null;
  return new Realm('return { global: this, memory: $memory, realloc: $realloc, exportHandle: export_handle }')();
}

const IMPORT = /^import_\w+\$\w+$/;

/**
 * Replaces what calls the host until the function that this returns is called.
 * @param {(name: string) => Function} standIn makes the replacement of the import, for example of
 *   `import_motia_step_state_0_3_0$get`
 * @param {Function} handle what the bindings call for an invocation
 */
export function replaceHost(standIn, handle) {
  const names = Object.getOwnPropertyNames(bindings.global).filter((name) => IMPORT.test(name));
  const variables = ['handle', ...names.map((name) => `$${name}`)].join(', ');
  const set = new Realm('values', `[${variables}] = values`);
  const before = new Realm(`return [${variables}]`)();
  set([handle, ...names.map(standIn)]);
  return () => set(before);
}

/** Bytes in the step's memory, for the bindings to read or to free. */
export function allocate(size) {
  const at = bindings.realloc(0, 0, 8, size);
  new Uint8Array(bindings.memory.buffer, at, size).fill(0);
  return at;
}

const encoder = new TextEncoder();

/** Text in the step's memory. */
function encode(text) {
  if (typeof text !== 'string') throw new TypeError(`expected a string, received [${typeof text}]`);
  if (text === '') return { ptr: 1, len: 0 };
  const bytes = encoder.encode(text);
  const ptr = bindings.realloc(0, 0, 1, bytes.length);
  new Uint8Array(bindings.memory.buffer, ptr, bytes.length).set(bytes);
  return { ptr, len: bytes.length };
}

// The bindings' own function looks at each character, which takes the interpreter longer than all
// the rest of a call.
if (typeof bindings?.global._utf8AllocateAndEncode === 'function') bindings.global._utf8AllocateAndEncode = encode;

/** Writes a text's pointer and length. */
export function writeText(at, text) {
  const { ptr, len } = encode(text);
  writeWords(at, [ptr, len]);
}

/** Writes numbers of 32 bits, one after the other. */
export function writeWords(at, words) {
  const view = new DataView(bindings.memory.buffer, at);
  words.forEach((word, index) => view.setUint32(4 * index, word, true));
}
