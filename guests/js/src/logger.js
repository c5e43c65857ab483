// `ctx.logger`. A log call must not fail a step, so here everything has a JSON form.

import { log } from 'motia:step/logger@0.3.0';
import { setField } from './json.js';
import { normaliseStack } from './stack.js';

/** The fields of an error that matter; what the error carries beyond them is kept too. */
const expanded = (error) => ({ ...error, name: error.name, message: error.message, stack: normaliseStack(error.stack) });

function loggable(value, ancestors) {
  if (typeof value === 'bigint') return String(value);
  if (typeof value === 'function') return `[Function ${value.name || 'anonymous'}]`;
  if (typeof value === 'symbol') return String(value);
  if (value === null || typeof value !== 'object') return value;
  if (ancestors.includes(value)) return '[Circular]';
  const inner = ancestors.concat([value]);
  if (value instanceof Error) return fields(expanded(value), inner);
  if (typeof value.toJSON === 'function') return loggable(value.toJSON(), inner);
  if (Array.isArray(value)) return value.map((one) => loggable(one, inner));
  if (value instanceof Map) return fields(Object.fromEntries(value), inner);
  if (value instanceof Set) return loggable([...value], inner);
  return fields(value, inner);
}

function fields(object, ancestors) {
  const result = {};
  const keys = Object.keys(object);
  for (let i = 0; i < keys.length; i++) setField(result, keys[i], loggable(object[keys[i]], ancestors));
  return result;
}

/**
 * The record's own fields as a JSON object; arguments that are not objects become its `data`.
 * @param {unknown} args
 * @returns {string | undefined}
 */
export function logArgs(args) {
  if (args === undefined || args === null) return undefined;
  const record = args instanceof Error ? { error: args } : typeof args === 'object' && !Array.isArray(args) ? args : { data: args };
  try {
    return JSON.stringify(loggable(record, []));
  } catch (error) {
    return JSON.stringify({ unreadable: String(error) });
  }
}

function message(value) {
  if (typeof value === 'string') return value;
  if (value instanceof Error) return `${value.name}: ${value.message}`;
  return JSON.stringify(loggable(value, [])) ?? String(value);
}

const writer = (level) => (text, args) => {
  log(level, message(text), logArgs(args ?? (text instanceof Error ? text : undefined)));
};

/** The logger as handlers see it. */
export const logger = { debug: writer('debug'), info: writer('info'), warn: writer('warn'), error: writer('error') };
