// What a handler is given: the request of an api step, the input of the others.

import { fromJson, setField } from './json.js';

/** Of these Node keeps the first; repeating them makes no sense. */
const SINGLE = new Set([
  'age', 'authorization', 'content-length', 'content-type', 'etag', 'expires', 'from', 'host', 'if-modified-since',
  'if-unmodified-since', 'last-modified', 'location', 'max-forwards', 'proxy-authorization', 'referer', 'retry-after',
  'server', 'user-agent',
]);

const decoder = new TextDecoder();

/**
 * Steps that know `Buffer` get one; the bundle has it only where the step's code names it. A copy, as
 * the bytes come from the bindings' realm: there `instanceof Uint8Array` means another class.
 */
const asBytes = (data) => (globalThis.Buffer ? globalThis.Buffer.from(data) : new Uint8Array(data));

/** A file of a `multipart/form-data` body. */
export class UploadedFile {
  constructor({ name, fileName, contentType, data }) {
    /** The name of the form's field. */
    this.fieldname = name;
    /** The file name that the client gave. */
    this.filename = fileName;
    /** The media type that the client gave. */
    this.contentType = contentType ?? 'application/octet-stream';
    /** The content. */
    this.data = asBytes(data);
    /** The content's length in bytes. */
    this.size = data.byteLength;
  }

  /** The content as text in UTF-8. */
  async text() {
    return decoder.decode(this.data);
  }

  /** The content as a buffer of its own. */
  async arrayBuffer() {
    return this.data.buffer.slice(this.data.byteOffset, this.data.byteOffset + this.data.byteLength);
  }
}

// Every request goes through these two. The engine interprets, and an iterator costs it more than
// all the rest, so they count.

/** Repeated headers as Node gives them. */
export function headers(list) {
  const result = {};
  for (let i = 0; i < list.length; i++) {
    const name = list[i][0];
    const value = list[i][1];
    const before = Object.hasOwn(result, name) ? result[name] : undefined;
    if (name === 'set-cookie') setField(result, name, [...(before ?? []), value]);
    else if (before === undefined) setField(result, name, value);
    else if (!SINGLE.has(name)) setField(result, name, `${before}${name === 'cookie' ? '; ' : ', '}${value}`);
  }
  return result;
}

function fields(list) {
  const result = {};
  for (let i = 0; i < list.length; i++) setField(result, list[i][0], list[i][1]);
  return result;
}

/** Fields are strings, files `UploadedFile`; what occurs more than once is an array. */
function multipart(parts) {
  const body = {};
  const files = [];
  for (const part of parts) {
    const isFile = part.fileName !== undefined;
    const value = isFile ? new UploadedFile(part) : decoder.decode(part.data);
    if (isFile) files.push(value);
    const before = Object.hasOwn(body, part.name) ? body[part.name] : undefined;
    setField(body, part.name, before === undefined ? value : [before, value].flat());
  }
  return { body, files };
}

function bodyOf({ body, rawBody }) {
  if (body.tag === 'bytes') return { body: asBytes(rawBody), rawBody: asBytes(rawBody) };
  if (body.tag === 'multipart') return { ...multipart(body.val), rawBody: asBytes(rawBody) };
  const text = decoder.decode(rawBody);
  if (body.tag === 'json') return { body: JSON.parse(text), rawBody: text };
  if (body.tag === 'form') return { body: JSON.parse(body.val), rawBody: text };
  if (body.tag === 'text') return { body: text, rawBody: text };
  // Express gives an empty object, and handlers take fields from it without asking.
  return { body: {}, rawBody: '' };
}

/** @param request the record `request` of the contract */
export function apiRequest(request) {
  const known = {
    method: request.method,
    path: request.path,
    headers: headers(request.headers),
    pathParams: fields(request.pathParams),
    queryParams: fromJson(request.queryParams) ?? {},
  };
  return Object.assign(known, bodyOf(request));
}

/**
 * A list of the bindings as one of the step's own realm: there `instanceof Array` means another class.
 * @template T, U
 * @param {T[]} list
 * @param {(one: T) => U} convert
 * @returns {U[]}
 */
export function listOf(list, convert) {
  const result = [];
  for (let i = 0; i < list.length; i++) result.push(convert(list[i]));
  return result;
}

/** What is known of an event beside its data. */
export const received = ({ id, topic, messageGroupId, headers }) => ({ id, topic, messageGroupId, headers: fields(headers) });

/**
 * What comes before `ctx` when the step is not called for a request; a cron tick has nothing.
 * @param trigger the variant `trigger` of the contract
 */
export function triggerInput({ tag, val }) {
  if (tag === 'event') return fromJson(val.data);
  if (tag === 'batch') return listOf(val, ({ data }) => fromJson(data));
  if (tag === 'state') {
    const { groupId, key, oldValue, newValue } = val;
    return { type: 'state', group_id: groupId, item_id: key, old_value: fromJson(oldValue), new_value: fromJson(newValue) };
  }
  if (tag === 'stream') {
    const { streamName, groupId, id, action, data } = val;
    return { type: 'stream', streamName, groupId, id, event: { type: action, data: fromJson(data) } };
  }
  throw new TypeError(`the trigger \`${tag}\` is not known`);
}
