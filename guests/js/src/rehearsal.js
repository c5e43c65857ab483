// Runs the glue and the bindings once at build, with samples and without the host.
//
// Every invocation starts from the snapshot, so what the engine does when a function or built-in is
// first used, it would do for each of them: initialise classes, allocate inline caches. After
// a rehearsal that is in the snapshot. The step's own code takes no part.

import { allocate, bindings, replaceHost, writeText, writeWords } from './bindings.js';

/** A rehearsal that fails is no reason to stop: calls start slower, and the tests notice. */
const FAILED = 'the rehearsal failed: ';
const SAMPLE_FAILURE = 'sample failure';
const JSON_TEXT = '{"a":[1,"b",null,true,1.5]}';

const OPTIONAL_JSON = /_state_.*\$(get|set|delete)$|_streams_.*\$(get|delete)$/;
const TEXT_ANSWER = /_emitter_.*\$emit$|_state_.*\$update$|_streams_.*\$set$/;

/** What an import answers; zeros are `ok` with nothing, false or an empty list. */
function standIn(name) {
  return () => {
    const at = allocate(24);
    if (OPTIONAL_JSON.test(name)) {
      writeWords(at + 4, [1]);
      writeText(at + 8, JSON_TEXT);
    } else if (TEXT_ANSWER.test(name)) writeText(at + 4, JSON_TEXT);
    return at;
  };
}

/**
 * A record `invocation` in the canonical ABI, which gives the offsets.
 * @param {(tag: number, at: number) => void} write writes the trigger's tag and payload
 */
function lowered(write) {
  const at = allocate(112);
  writeText(at, 'id');
  writeText(at + 8, 'trace');
  writeList(at + 16, ['flow'], 8, writeText);
  writeWords(at + 24, [1]);
  write(at + 40, at + 48);
  return at;
}

function writeList(at, items, size, write) {
  const list = allocate(items.length * size);
  items.forEach((item, index) => write(list + index * size, item));
  writeWords(at, [list, items.length]);
}

function writePair(at, [name, value]) {
  writeText(at, name);
  writeText(at + 8, value);
}

const HEADERS = [['host', 'a'], ['accept', 'b'], ['accept', 'c'], ['content-type', 'd']];

/** `kind` is the case of the variant `body`, and `write` its payload. */
const request = (kind, rawBody, write) => (tag, at) => {
  writeText(at, 'POST');
  writeText(at + 8, '/');
  writeList(at + 16, [['id', '1']], 16, writePair);
  writeText(at + 24, '{"a":"b"}');
  writeList(at + 32, HEADERS, 16, writePair);
  writeText(at + 40, rawBody);
  writeWords(at + 48, [kind]);
  write?.(at + 52);
};

function writePart(at, { name, fileName }) {
  writeText(at, name);
  if (fileName) {
    writeWords(at + 8, [1]);
    writeText(at + 12, fileName);
  }
  writeText(at + 32, 'data');
}

/** A record `event`, which is 44 bytes long. */
function writeEvent(at, id) {
  writeText(at, id);
  writeText(at + 8, 'topic');
  writeText(at + 16, JSON_TEXT);
  writeWords(at + 24, [1]);
  writeText(at + 28, 'group');
  writeList(at + 36, HEADERS, 16, writePair);
}

function event(tag, at) {
  writeWords(tag, [1]);
  writeEvent(at, 'id');
}

function batch(tag, at) {
  writeWords(tag, [2]);
  writeList(at, ['first', 'second'], 44, writeEvent);
}

const cronTick = (tag) => writeWords(tag, [3]);

function stateChange(tag, at) {
  writeWords(tag, [4]);
  writeText(at, 'group');
  writeText(at + 8, 'key');
  // There was no value before.
  writeWords(at + 28, [1]);
  writeText(at + 32, JSON_TEXT);
}

function streamChange(tag, at) {
  writeWords(tag, [5]);
  writeText(at, 'sample');
  writeText(at + 8, 'group');
  writeText(at + 16, 'id');
  writeText(at + 28, JSON_TEXT);
}

const PARTS = [{ name: 'a' }, { name: 'b', fileName: 'c' }];

/** The triggers and all kinds of body; the handler fails for one of them. */
const SAMPLES = [
  request(0, ''),
  request(1, JSON_TEXT),
  request(2, 'fail'),
  request(3, 'data'),
  request(4, 'a=b', (at) => writeText(at, '{"a":"b"}')),
  request(5, 'data', (at) => writeList(at, PARTS, 40, writePart)),
  event,
  batch,
  cronTick,
  stateChange,
  streamChange,
];

const EMIT_OPTIONS = { messageGroupId: 'group', id: 'id', at: '2000-01-01T00:00:00Z', delay: 1, priority: 1, headers: { a: 'b' } };

/** Uses all that a handler is given. */
async function sampleHandler(...args) {
  const { emit, cancel, state, streams, logger } = args.at(-1);
  const [input] = args;
  await emit({ topic: 'topic', data: { a: 1 } });
  await cancel(await emit({ topic: 'topic', data: null, ...EMIT_OPTIONS }));
  await state.set('group', 'key', { a: 1 });
  await state.get('group', 'key');
  await state.getGroup('group');
  await state.update('group', 'key', [{ type: 'increment', path: 'a', by: 1 }]);
  await state.delete('group', 'key');
  await state.clear('group');
  await streams.sample.set('group', 'id', { a: 1 });
  await streams.sample.get('group', 'id');
  await streams.sample.getGroup('group');
  await streams.sample.send({ groupId: 'group' }, { type: 'type', data: { a: 1 } });
  await streams.sample.delete('group', 'id');
  delete streams.sample;
  logger.info('message', { a: { b: 1 }, c: [1, 'd', null] });
  if (input.body === 'fail') throw new TypeError(SAMPLE_FAILURE);
  return { status: 200, headers: { 'content-type': 'a', 'x-b': ['c'] }, body: { ok: true, list: [1, 'a', null] } };
}

/**
 * Ends in microtasks, which the engine runs before it takes the snapshot.
 * @param {(step: import('./config.js').Definition, invocation: object) => Promise<object | undefined>} answer
 */
export async function rehearse(answer) {
  if (!bindings) return;
  const step = { config: { condition: async () => true }, handler: sampleHandler };
  let restore = () => {};
  try {
    restore = replaceHost(standIn, (invocation) => answer(step, invocation).catch(complain));
    const out = allocate(56);
    for (const write of SAMPLES) await bindings.exportHandle(lowered(write), out);
  } catch (error) {
    console.error(FAILED + error.message);
  } finally {
    restore();
  }
}

/** @param {import('./failure.js').Failure} failure */
function complain(failure) {
  if (failure.message !== SAMPLE_FAILURE) console.error(FAILED + failure.message);
  throw failure;
}
