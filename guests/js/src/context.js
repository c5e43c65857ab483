// `ctx`: what a handler may do, and what it may know of its invocation.

import { cancel, emit } from './emitter.js';
import { logger } from './logger.js';
import { listOf, received } from './request.js';
import { state } from './state.js';
import { streams } from './streams.js';

/** @param invocation the record `invocation` of the contract */
export function createContext({ id, traceId, flows, attempt, trigger }) {
  const ctx = { emit, cancel, invocationId: id, traceId, flows, attempt, state, streams, logger };
  if (trigger.tag === 'event') ctx.event = received(trigger.val);
  if (trigger.tag === 'batch') ctx.events = listOf(trigger.val, received);
  return ctx;
}
