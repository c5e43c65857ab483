// Notices what must not freeze in a snapshot.
//
// The top level of a step's modules runs once, at build. A read of the environment, the clock or
// randomness there would give every later invocation the build's value; a timer or a request there
// has nobody to wait for it. While the taps are installed such a use is noted with the module that
// was being evaluated, and gets a harmless value; the toolchain then builds again with those
// modules deferred. The real clock and random generator are not touched, so that each instance
// seeds its own.

import { onRead } from './environment.js';
import { evaluatingModule } from './stack.js';

/** What a read of the clock gets at build: 2000-01-01, in milliseconds. */
const BUILD_TIME = 946_684_800_000;

/** @typedef {{ what: 'env' | 'clock' | 'random' | 'timer' | 'network', name?: string, module: string | null }} Read */

/** @type {Map<string, Read>} */
const reads = new Map();
let installed = false;
/** @type {(() => void)[]} */
const restore = [];

/**
 * @param {Read['what']} what
 * @param {string} [name]
 */
function note(what, name) {
  const module = evaluatingModule(new Error().stack);
  reads.set(JSON.stringify([what, name, module]), { what, ...(name === undefined ? {} : { name }), module });
}

/**
 * Replaces a function until the taps are removed. Code that kept the replacement gets the real
 * one's answers from then on.
 */
function tap(object, key, what, substitute) {
  const original = object[key];
  const own = Object.getOwnPropertyDescriptor(object, key);
  object[key] = function (...args) {
    if (!installed) return Reflect.apply(original, this, args);
    note(what, key);
    return substitute(...args);
  };
  restore.push(() => (own ? Object.defineProperty(object, key, own) : delete object[key]));
}

function tapDate() {
  const RealDate = Date;
  const now = () => {
    if (!installed) return RealDate.now();
    note('clock', 'Date');
    return BUILD_TIME;
  };
  globalThis.Date = new Proxy(RealDate, {
    construct(target, args, newTarget) {
      const given = args.length > 0 || !installed ? args : [now()];
      return Reflect.construct(target, given, newTarget);
    },
    apply: (target) => (installed ? new target(now()).toString() : target()),
    get: (target, key) => (key === 'now' ? now : Reflect.get(target, key)),
  });
  restore.push(() => {
    globalThis.Date = RealDate;
  });
}

/** A fixed sequence (a linear congruential generator) in place of randomness. */
function fixedSequence() {
  let seed = 1;
  return () => (seed = (seed * 1_664_525 + 1_013_904_223) % 2 ** 32) / 2 ** 32;
}

/** From now on, reads are noted. */
export function installTaps() {
  const next = fixedSequence();
  const fill = (array) => {
    new Uint8Array(array.buffer, array.byteOffset, array.byteLength).forEach((_, i, bytes) => (bytes[i] = next() * 256));
    return array;
  };
  tapDate();
  tap(performance, 'now', 'clock', () => 0);
  tap(Math, 'random', 'random', next);
  tap(crypto, 'getRandomValues', 'random', fill);
  tap(crypto, 'randomUUID', 'random', () => '00000000-0000-4000-8000-000000000000');
  tap(globalThis, 'setTimeout', 'timer', () => 0);
  tap(globalThis, 'setInterval', 'timer', () => 0);
  tap(globalThis, 'fetch', 'network', () => new Promise(() => {}));
  onRead((name) => note('env', name ?? undefined));
  installed = true;
}

/**
 * Restores what was tapped.
 * @returns {Read[]} what was read, each once
 */
export function removeTaps() {
  installed = false;
  onRead(null);
  restore.splice(0).forEach((undo) => undo());
  return [...reads.values()];
}
