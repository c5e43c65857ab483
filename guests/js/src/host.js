// Calls of the host.

import { MotiaError } from './errors.js';

/**
 * Runs a call of the host and turns the contract's `error` into a `MotiaError`.
 * The bindings throw it as an error whose `payload` is the variant.
 * @template T
 * @param {() => T} call
 * @returns {T}
 */
export function callHost(call) {
  try {
    return call();
  } catch (thrown) {
    const refusal = thrown?.payload;
    if (typeof refusal?.tag !== 'string') throw thrown;
    throw new MotiaError(refusal.tag, refusal.val);
  }
}

/**
 * Names of groups, keys and topics are text; numbers are common and harmless.
 * @param {unknown} value
 * @param {string} what names the argument in the error, for example `state.get: groupId`
 * @returns {string}
 */
export function name(value, what) {
  if (typeof value === 'string') return value;
  if (typeof value === 'number') return String(value);
  throw new TypeError(`${what} must be a string, but is ${value === null ? 'null' : typeof value}`);
}
