// From whatever was thrown to the record `failure` of the contract.

import { normaliseStack } from './stack.js';

/** Causes beyond this are left out; a chain may be circular. */
const MAX_CAUSES = 5;

/** @typedef {{ name: string, message: string, stack?: string, retryable: boolean, retryAfter?: bigint }} Failure */

/**
 * Never throws: what a step throws may have getters that do.
 * @param {unknown} thrown
 * @returns {Failure}
 */
export function toFailure(thrown) {
  try {
    const { name, message } = describe(thrown);
    const stack = stackWithCauses(thrown);
    return {
      name,
      message,
      ...(stack === '' ? {} : { stack }),
      retryable: !(name.startsWith('NonRetryable') || thrown?.retryable === false),
      ...retryAfter(thrown),
    };
  } catch {
    return { name: 'Error', message: 'the handler threw a value that cannot be read', retryable: true };
  }
}

/** @param {unknown} thrown */
function describe(thrown) {
  if (thrown !== null && typeof thrown === 'object' && typeof thrown.message === 'string') {
    return { name: String(thrown.name || 'Error'), message: thrown.message };
  }
  if (typeof thrown === 'string') return { name: 'Error', message: thrown };
  return { name: 'Error', message: `the handler threw ${asText(thrown)}, which is not an Error` };
}

function asText(value) {
  if (typeof value !== 'object' || value === null) return String(value);
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    return String(value);
  }
}

function stackWithCauses(thrown) {
  const parts = [normaliseStack(thrown?.stack)];
  const pending = inner(thrown);
  for (let count = 0; pending.length > 0 && count < MAX_CAUSES; count++) {
    const cause = pending.shift();
    const { name, message } = describe(cause);
    parts.push(`Caused by: ${name}: ${message}`, normaliseStack(cause?.stack));
    pending.push(...inner(cause));
  }
  return parts.filter((part) => part !== '').join('\n');
}

/** What an error tells of its reasons: its `cause`, and the errors of an `AggregateError`. */
function inner(thrown) {
  if (thrown === null || typeof thrown !== 'object') return [];
  const errors = Array.isArray(thrown.errors) && thrown instanceof AggregateError ? thrown.errors : [];
  return thrown.cause === undefined ? [...errors] : [thrown.cause, ...errors];
}

function retryAfter(thrown) {
  const given = thrown?.retryAfter;
  const wait = given instanceof Date ? given.getTime() - Date.now() : given;
  if (typeof wait !== 'number' || !Number.isFinite(wait)) return {};
  return { retryAfter: BigInt(Math.max(0, Math.round(wait))) };
}
