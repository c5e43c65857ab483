// The part of Node's `util` that steps use.

import { logArgs } from '../logger.js';

const custom = Symbol.for('nodejs.util.promisify.custom');

/** Turns a function that takes a callback into one that returns a promise. */
export function promisify(original) {
  if (typeof original[custom] === 'function') return original[custom];
  return function (...args) {
    return new Promise((resolve, reject) => {
      original.call(this, ...args, (error, value) => (error ? reject(error) : resolve(value)));
    });
  };
}
promisify.custom = custom;

/** Turns a function that returns a promise into one that takes a callback. */
export function callbackify(original) {
  return function (...args) {
    const callback = args.pop();
    original.apply(this, args).then((value) => callback(null, value), (error) => callback(error));
  };
}

/** A value for a person to read. */
export function inspect(value) {
  if (typeof value === 'string') return `'${value}'`;
  if (value === null || typeof value !== 'object') return String(value);
  if (value instanceof Error) return value.stack ? `${value}\n${value.stack}` : String(value);
  return JSON.stringify(JSON.parse(logArgs({ value })).value, null, 2);
}
inspect.custom = Symbol.for('nodejs.util.inspect.custom');

const DIRECTIVES = {
  s: (value) => (typeof value === 'string' ? value : inspect(value)),
  d: (value) => String(Number(value)),
  i: (value) => String(parseInt(value, 10)),
  f: (value) => String(parseFloat(value)),
  j: (value) => JSON.stringify(value),
  o: inspect,
  O: inspect,
};

/** Replaces `%s`, `%d`, `%j` and their like by the arguments and appends those that remain. */
export function format(first, ...args) {
  const shown = (value) => (typeof value === 'string' ? value : inspect(value));
  if (typeof first !== 'string') return [first, ...args].map(shown).join(' ');
  const text = first.replace(/%([sdifjoO%])/g, (directive, letter) => {
    if (letter === '%') return '%';
    return args.length > 0 ? DIRECTIVES[letter](args.shift()) : directive;
  });
  return [text, ...args.map(shown)].join(' ');
}

/** Lets a constructor inherit from another the old way. */
export function inherits(constructor, parent) {
  Object.defineProperty(constructor, 'super_', { value: parent, writable: true, configurable: true });
  Object.setPrototypeOf(constructor.prototype, parent.prototype);
}

/** Warns once when the function is called. */
export function deprecate(original, message) {
  let warned = false;
  return function (...args) {
    if (!warned) console.warn(message);
    warned = true;
    return original.apply(this, args);
  };
}

/** Tells kinds of values apart. */
export const types = {
  isDate: (value) => value instanceof Date,
  isRegExp: (value) => value instanceof RegExp,
  isPromise: (value) => value instanceof Promise,
  isNativeError: (value) => value instanceof Error,
  isUint8Array: (value) => value instanceof Uint8Array,
  isTypedArray: (value) => ArrayBuffer.isView(value) && !(value instanceof DataView),
  isAnyArrayBuffer: (value) => value instanceof ArrayBuffer,
};

export const { TextEncoder, TextDecoder } = globalThis;
export const { isArray } = Array;

export default { promisify, callbackify, inspect, format, inherits, deprecate, types, TextEncoder, TextDecoder, isArray };
