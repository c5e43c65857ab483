// The functions of a stream and of the project's config, which are called for clients of streams.

import { InvalidStep } from './errors.js';
import { fromJson, setField, toJson } from './json.js';
import { headers } from './request.js';

/** The functions in the config of a stream, by the triggers that call them. */
const OF_STREAMS = new Map([['can-access', 'canAccess'], ['join', 'onJoin'], ['leave', 'onLeave']]);

/** @param {string} tag the case of the variant `trigger` */
export const isHook = (tag) => tag === 'authenticate' || OF_STREAMS.has(tag);

const isObject = (value) => value !== null && typeof value === 'object' && !Array.isArray(value);
const typeOf = (value) => (Array.isArray(value) ? 'a list' : `of the type ${typeof value}`);

/** An answer that says no more than whether a client may. */
const verdict = (allowed) => ({ status: allowed ? 200 : 403, headers: [], body: { tag: 'empty' } });

/**
 * @param {import('./config.js').Definition} definition
 * @param {string} file the file, for messages
 * @param trigger the variant `trigger` of the contract
 * @param ctx as handlers get it
 * @returns the record `response`, or nothing
 */
export async function callHook(definition, file, { tag, val }, ctx) {
  if (tag === 'authenticate') return authenticate(definition, file, val, ctx);
  const name = OF_STREAMS.get(tag);
  const hook = definition.config[name];
  if (typeof hook !== 'function') throw new InvalidStep(`${file}: this stream has no function \`${name}\``);
  const { streamName, groupId, id, context } = val;
  const subscription = { streamName, groupId, id };
  const authContext = fromJson(context);
  if (name === 'canAccess') return verdict(await hook(subscription, authContext, ctx));
  const result = await hook(subscription, ctx, authContext);
  return name === 'onJoin' ? verdict(isWelcome(result, file)) : undefined;
}

/** What makes no sense lets nobody in. */
function isWelcome(result, file) {
  if (result === undefined || result === null) return true;
  if (isObject(result)) return !result.unauthorized;
  throw new TypeError(`${file}: what \`onJoin\` returned is ${typeOf(result)}: it returns { unauthorized: boolean }, or nothing`);
}

/** Of the two forms that projects have, `streamAuth.authenticate` returns the context itself. */
async function authenticate({ streamAuth, authenticateStream }, file, request, ctx) {
  const req = authRequest(request);
  const context = streamAuth ? await streamAuth.authenticate(req, ctx) : wrapped(await authenticateStream(req, ctx), file);
  if (context === undefined || context === null) return undefined;
  if (!isObject(context)) {
    throw new TypeError(`${file}: the context of a client is ${typeOf(context)}: it is an object, or null for an anonymous client`);
  }
  return { status: 200, headers: [], body: { tag: 'json', val: toJson(context, "the client's context") } };
}

function wrapped(result, file) {
  if (result === undefined || result === null || isObject(result)) return result?.context;
  throw new TypeError(`${file}: what \`authenticateStream\` returned is ${typeOf(result)}: it returns { context }`);
}

function authRequest({ headers: list, url }) {
  const mark = url.indexOf('?');
  const queryParams = {};
  for (const [name, value] of new URLSearchParams(mark < 0 ? '' : url.slice(mark))) {
    const before = Object.hasOwn(queryParams, name) ? [queryParams[name]].flat() : [];
    setField(queryParams, name, before.length === 0 ? value : [...before, value]);
  }
  return { headers: headers(list), url, path: mark < 0 ? url : url.slice(0, mark), queryParams };
}
