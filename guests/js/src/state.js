// `ctx.state`: values that steps share, by group and key.

import * as host from 'motia:step/state@0.3.0';
import { callHost, name } from './host.js';
import { fromJson, toJson } from './json.js';

/** One operation of `update`, in the contract's form. */
function updateOp(op, index) {
  const what = `state.update: operation ${index + 1}`;
  const path = op?.path === undefined ? '' : name(op.path, `${what}: path`);
  switch (op?.type) {
    case 'set':
    case 'merge':
      return { tag: op.type, val: [path, toJson(op.value, `${what}: value`)] };
    case 'increment':
    case 'decrement': {
      const by = op.by ?? 1;
      if (typeof by !== 'number' || !Number.isFinite(by)) throw new TypeError(`${what}: \`by\` must be a finite number`);
      return { tag: op.type, val: [path, by] };
    }
    case 'remove':
      return { tag: 'remove', val: path };
    default:
      throw new TypeError(`${what}: type must be set, merge, increment, decrement or remove`);
  }
}

/** The state as handlers see it; see `InternalStateManager` in the types. */
export const state = {
  async get(groupId, key) {
    return fromJson(callHost(() => host.get(name(groupId, 'state.get: groupId'), name(key, 'state.get: key'))));
  },
  async set(groupId, key, value) {
    const json = toJson(value, 'state.set: value');
    callHost(() => host.set(name(groupId, 'state.set: groupId'), name(key, 'state.set: key'), json));
    return value;
  },
  async delete(groupId, key) {
    return fromJson(callHost(() => host.delete(name(groupId, 'state.delete: groupId'), name(key, 'state.delete: key'))));
  },
  async getGroup(groupId) {
    return callHost(() => host.getGroup(name(groupId, 'state.getGroup: groupId'))).map(({ value }) => JSON.parse(value));
  },
  async clear(groupId) {
    callHost(() => host.clear(name(groupId, 'state.clear: groupId')));
  },
  async update(groupId, key, ops) {
    if (!Array.isArray(ops)) throw new TypeError('state.update: the operations must be an array');
    const list = ops.map(updateOp);
    return fromJson(callHost(() => host.update(name(groupId, 'state.update: groupId'), name(key, 'state.update: key'), list)));
  },
};
