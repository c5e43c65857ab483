// The part of Node's `crypto` that steps use: randomness, hashes, HMAC, comparison.

import { hmac } from '@noble/hashes/hmac.js';
import { md5, sha1 } from '@noble/hashes/legacy.js';
import { sha224, sha256, sha384, sha512 } from '@noble/hashes/sha2.js';
import { Buffer } from './buffer.js';

const HASHES = { md5, sha1, sha224, sha256, sha384, sha512 };

function algorithm(name) {
  const found = HASHES[String(name).toLowerCase().replace(/^(rsa-)?sha-?/, 'sha')];
  if (!found) throw new Error(`the hash \`${name}\` is not available; there are ${Object.keys(HASHES).join(', ')}`);
  return found;
}

const bytes = (data, encoding) => (typeof data === 'string' ? Buffer.from(data, encoding) : new Uint8Array(data.buffer ?? data, data.byteOffset, data.byteLength));

/** What `createHash` and `createHmac` return. */
class Digest {
  #state;
  #done = false;

  constructor(state) {
    this.#state = state;
  }

  update(data, encoding) {
    if (this.#done) throw new Error('Digest already called');
    this.#state.update(bytes(data, encoding));
    return this;
  }

  digest(encoding) {
    if (this.#done) throw new Error('Digest already called');
    this.#done = true;
    const result = Buffer.from(this.#state.digest());
    if (encoding === 'base64url') return result.toString('base64').replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
    return encoding && encoding !== 'buffer' ? result.toString(encoding) : result;
  }
}

/** @param {string} name `sha256`, `sha1`, `md5`, ... */
export const createHash = (name) => new Digest(algorithm(name).create());

/** @param {string} name @param {string | Uint8Array} key */
export const createHmac = (name, key) => new Digest(hmac.create(algorithm(name), bytes(key)));

/** The hash of data in one call. */
export const hash = (name, data, encoding = 'hex') => createHash(name).update(data).digest(encoding);

export const getHashes = () => Object.keys(HASHES);

export const webcrypto = globalThis.crypto;
export const subtle = webcrypto.subtle;
export const getRandomValues = (array) => webcrypto.getRandomValues(array);
export const randomUUID = () => webcrypto.randomUUID();

/** One call of the generator gives no more than this. */
const RANDOM_CHUNK = 65_536;

/** Fills the array with randomness. */
export function randomFillSync(array) {
  for (let from = 0; from < array.byteLength; from += RANDOM_CHUNK) {
    const length = Math.min(RANDOM_CHUNK, array.byteLength - from);
    webcrypto.getRandomValues(new Uint8Array(array.buffer, array.byteOffset + from, length));
  }
  return array;
}

/** @param {number} size @param {(error: null, bytes: Uint8Array) => void} [callback] */
export function randomBytes(size, callback) {
  const result = randomFillSync(Buffer.alloc(size));
  if (!callback) return result;
  queueMicrotask(() => callback(null, result));
}

/** A whole number from `min` to below `max`, each as likely. */
export function randomInt(min, max) {
  const [from, to] = max === undefined ? [0, min] : [min, max];
  const range = to - from;
  if (!Number.isSafeInteger(range) || range <= 0 || range > 2 ** 48) throw new RangeError(`randomInt: the range ${from} to ${to} is not valid`);
  const limit = 2 ** 48 - (2 ** 48 % range);
  for (;;) {
    const value = randomBytes(6).readUIntBE(0, 6);
    if (value < limit) return from + (value % range);
  }
}

/** Compares in a time that does not depend on the content. */
export function timingSafeEqual(a, b) {
  const [left, right] = [bytes(a), bytes(b)];
  if (left.length !== right.length) throw new RangeError('Input buffers must have the same byte length');
  return left.reduce((difference, byte, index) => difference | (byte ^ right[index]), 0) === 0;
}

export default {
  createHash, createHmac, hash, getHashes, webcrypto, subtle, getRandomValues, randomUUID, randomFillSync, randomBytes, randomInt, timingSafeEqual,
};
