// From what an api handler returns to the record `response` of the contract.

import { InvalidResponse } from './errors.js';
import { toJson } from './json.js';

const EXPECTED = 'an api handler returns { status, body, headers }, with a status from 200 to 599';

const typeOf = (value) => (value === null ? 'null' : Array.isArray(value) ? 'an array' : typeof value);

function status(result) {
  if (typeof result.status !== 'number') {
    const hint = 'statusCode' in result ? ' (`statusCode` is called `status` here)' : '';
    throw new InvalidResponse(`the response has no numeric \`status\`${hint}: ${EXPECTED}`);
  }
  if (!Number.isInteger(result.status) || result.status < 200 || result.status > 599) {
    throw new InvalidResponse(`the response's status is ${result.status}: ${EXPECTED}`);
  }
  return result.status;
}

function headers(given) {
  if (given === undefined || given === null) return [];
  if (typeof given !== 'object') {
    throw new InvalidResponse(`the response's headers are ${typeOf(given)}: they are an object of names and values`);
  }
  const entries = given instanceof Headers ? [...given] : Object.entries(given);
  return entries.flatMap(([name, value]) => [value].flat().flatMap((one) => header(name, one)));
}

/** Absent values are left out, so that a header may be conditional. */
function header(name, value) {
  if (value === undefined || value === null) return [];
  if (typeof value === 'string' || typeof value === 'number') return [[name, String(value)]];
  throw new InvalidResponse(`the response's header \`${name}\` is ${typeOf(value)}: a header is a string or an array of strings`);
}

function body(value) {
  if (value === undefined) return { tag: 'empty' };
  if (typeof value === 'string') return { tag: 'text', val: value };
  if (value instanceof ArrayBuffer) return { tag: 'bytes', val: new Uint8Array(value) };
  if (ArrayBuffer.isView(value)) {
    return { tag: 'bytes', val: new Uint8Array(value.buffer, value.byteOffset, value.byteLength) };
  }
  if (value instanceof ReadableStream || value instanceof Blob || value instanceof Promise) {
    const hint = value instanceof Promise ? '`await` it' : 'read it into a Uint8Array';
    throw new InvalidResponse(`the response's body is a ${value.constructor.name}: ${hint}`);
  }
  try {
    return { tag: 'json', val: toJson(value, "the response's body") };
  } catch (error) {
    throw new InvalidResponse(error.message);
  }
}

/** @param {unknown} result what the handler returned */
export function toResponse(result) {
  if (result === undefined || result === null) {
    throw new InvalidResponse(`the handler returned nothing: ${EXPECTED}`);
  }
  if (typeof result !== 'object' || Array.isArray(result)) {
    throw new InvalidResponse(`the handler returned ${typeOf(result)}: ${EXPECTED}`);
  }
  if (typeof Response === 'function' && result instanceof Response) {
    throw new InvalidResponse(`the handler returned a web Response: ${EXPECTED}`);
  }
  return { status: status(result), headers: headers(result.headers), body: body(result.body) };
}
