// `ctx.emit` and `ctx.cancel`: events for other steps.

import * as host from 'motia:step/emitter@0.3.0';
import { callHost, name } from './host.js';
import { toJson } from './json.js';

/** A date, or a date with a time, which is UTC without an offset. */
const ISO_8601 = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)?)?$/;

/** The host checks it as well, but what reaches it are the low 32 bits. */
const MAX_PRIORITY = 100;

const isAbsent = (value) => value === undefined || value === null;

function shown(value) {
  if (value instanceof Date) return 'an invalid Date';
  if (typeof value === 'function') return 'a function';
  return value !== null && typeof value === 'object' ? 'an object' : `\`${String(value)}\``;
}

/** A moment in milliseconds since 1970; those before are as past as 1970 is. */
function moment(at) {
  let time = NaN;
  if (at instanceof Date) time = at.getTime();
  else if (typeof at === 'number') time = new Date(at).getTime();
  else if (typeof at === 'string' && ISO_8601.test(at)) time = Date.parse(at);
  if (!Number.isNaN(time)) return BigInt(Math.max(0, time));
  throw new TypeError(`emit: at must be a Date, an ISO 8601 text or milliseconds since 1970, but is ${shown(at)}`);
}

/** Who computes a wait from a clock may be late: a negative one is none, as `at` in the past is. */
function wait(delay) {
  if (typeof delay === 'number' && Math.abs(delay) <= Number.MAX_SAFE_INTEGER) return BigInt(Math.max(0, Math.round(delay)));
  throw new TypeError(`emit: delay must be a number of milliseconds, but is ${shown(delay)}`);
}

function priorityOf(priority) {
  if (Number.isInteger(priority) && Math.abs(priority) <= MAX_PRIORITY) return priority;
  throw new TypeError(`emit: priority must be an integer from -${MAX_PRIORITY} to ${MAX_PRIORITY}, but is ${shown(priority)}`);
}

/** Absent values are left out, so that a header may be conditional. */
function headersOf(headers) {
  if (isAbsent(headers)) return [];
  if (typeof headers !== 'object' || headers[Symbol.iterator]) {
    throw new TypeError('emit: headers must be a plain object of names and texts');
  }
  const list = [];
  const names = Object.keys(headers);
  for (let i = 0; i < names.length; i++) {
    const value = headers[names[i]];
    if (!isAbsent(value)) list.push([names[i], name(value, `emit: header \`${names[i]}\``)]);
  }
  return list;
}

const text = (value, what) => (isAbsent(value) ? undefined : name(value, what));

/** The record `emit-options` of the contract. */
function optionsOf({ messageGroupId, id, at, delay, priority, headers }) {
  return {
    messageGroupId: text(messageGroupId, 'emit: messageGroupId'),
    id: text(id, 'emit: id'),
    at: isAbsent(at) ? undefined : moment(at),
    delay: isAbsent(delay) ? undefined : wait(delay),
    priority: isAbsent(priority) ? undefined : priorityOf(priority),
    headers: headersOf(headers),
  };
}

/** Emits an event and returns its id; see `Emitter` in the types. */
export async function emit(event) {
  if (event === null || typeof event !== 'object') throw new TypeError(`emit expects { topic, data }, but was given ${shown(event)}`);
  const topic = name(event.topic, 'emit: topic');
  const json = toJson(event.data, `emit: data of \`${topic}\``);
  const options = optionsOf(event);
  return callHost(() => host.emit(topic, json, options));
}

/** Takes back an event that waits for its time, and returns whether there was anything to take back. */
export async function cancel(eventId) {
  const id = name(eventId, 'cancel: the event id that emit returned');
  return callHost(() => host.cancel(id));
}
