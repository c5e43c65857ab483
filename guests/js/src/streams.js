// `ctx.streams`: live data that clients follow.

import * as host from 'motia:step/streams@0.3.0';
import { callHost, name } from './host.js';
import { toJson } from './json.js';

const isObject = (value) => value !== null && typeof value === 'object' && !Array.isArray(value);

/** Marks an item with where it lives: a client that gets one from an api subscribes to it. */
function marked(json, streamName, groupId, id) {
  const item = JSON.parse(json);
  return isObject(item) ? { ...item, __motia: { type: 'state-stream', streamName, groupId, id } } : item;
}

/** An item that a step read carries the mark; it is not part of the data. */
function unmarked(item) {
  if (!isObject(item) || !('__motia' in item)) return item;
  const { __motia, ...data } = item;
  return data;
}

function createStream(stream) {
  const text = (value, what) => name(value, `streams.${stream}.${what}`);
  return {
    async get(groupId, id) {
      const json = callHost(() => host.get(stream, text(groupId, 'get: groupId'), text(id, 'get: id')));
      return json === undefined ? null : marked(json, stream, groupId, id);
    },
    async set(groupId, id, data) {
      const json = toJson(unmarked(data), `streams.${stream}.set: data`);
      const stored = callHost(() => host.set(stream, text(groupId, 'set: groupId'), text(id, 'set: id'), json));
      return marked(stored, stream, groupId, id);
    },
    async delete(groupId, id) {
      const json = callHost(() => host.delete(stream, text(groupId, 'delete: groupId'), text(id, 'delete: id')));
      return json === undefined ? null : marked(json, stream, groupId, id);
    },
    async getGroup(groupId) {
      const items = callHost(() => host.getGroup(stream, text(groupId, 'getGroup: groupId')));
      return items.map(({ id, data }) => marked(data, stream, groupId, id));
    },
    async send(channel, event) {
      const id = channel?.id === undefined || channel.id === null ? undefined : text(channel.id, 'send: id');
      const json = toJson(event?.data, `streams.${stream}.send: data`);
      const group = text(channel?.groupId, 'send: groupId');
      callHost(() => host.send(stream, group, id, text(event?.type, 'send: type'), json));
    },
  };
}

/**
 * `streams.NAME` is the stream of that name; the host refuses those that do not exist.
 * `then` is not one: an `await` of the object asks for it.
 */
export const streams = new Proxy(Object.create(null), {
  get(known, stream) {
    if (typeof stream !== 'string' || stream === 'then') return undefined;
    return (known[stream] ??= createStream(stream));
  },
});
