// `ctx`: what a handler may do.

import { emit as send } from 'motia:step/emitter@0.1.0';
import { callHost, name } from './host.js';
import { toJson } from './json.js';
import { logger } from './logger.js';
import { state } from './state.js';
import { streams } from './streams.js';

async function emit(event) {
  const topic = name(event?.topic, 'emit: topic');
  const group = event.messageGroupId;
  const messageGroupId = group === undefined || group === null ? undefined : name(group, 'emit: messageGroupId');
  const json = toJson(event.data, `emit: data of \`${topic}\``);
  callHost(() => send(topic, json, { messageGroupId }));
}

/** @param invocation the record `invocation` of the contract */
export function createContext({ traceId, flows, attempt }) {
  return { emit, traceId, flows, attempt, state, streams, logger };
}
