// The glue's behaviour, in Node with a host of the test's own.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bundle, project } from './bundle.mjs';
import { batch, event, refusal, request, start, trigger } from './host.mjs';

const plain = (value) => JSON.parse(JSON.stringify(value));
const api = (handler, config = '') => ({ 'steps/a.step.ts': `export const config = { type: 'api', name: 'A', ${config} };\nexport const handler = ${handler};` });
const eventStep = (body) => ({ 'steps/e.step.ts': `export const config = { type: 'event', name: 'E' };\nexport const handler = async (input, ctx) => { ${body} };` });
const answer = async (handler, req, config) => plain(await (await start(api(handler, config))).handle(request(req)));
const failure = async (running) => running.then(() => assert.fail('it did not fail'), plain);

test('an api handler is given its request and answers', async () => {
  const { status, body } = await answer('async (req) => ({ status: 201, body: req })', {
    pathParams: [['id', '7']],
    queryParams: '{"a":["1","2"]}',
    headers: [['cookie', 'a=1'], ['cookie', 'b=2'], ['x-a', '1'], ['x-a', '2'], ['host', 'h'], ['host', 'i'], ['set-cookie', 'c']],
    body: { tag: 'json' },
    rawBody: '{"n":1}',
  });
  assert.equal(status, 201);
  assert.deepEqual(JSON.parse(body.val), {
    method: 'POST', path: '/a', pathParams: { id: '7' }, queryParams: { a: ['1', '2'] }, body: { n: 1 }, rawBody: '{"n":1}',
    headers: { cookie: 'a=1; b=2', 'x-a': '1, 2', host: 'h', 'set-cookie': ['c'] },
  });
});

test('a multipart body has strings and files', async () => {
  const data = new TextEncoder().encode('content');
  const { body } = await answer('async ({ body, files }) => ({ status: 200, body: { a: body.a, n: files.length, t: await body.f.text(), f: body.f.filename } })', {
    body: { tag: 'multipart', val: [{ name: 'a', data }, { name: 'a', data }, { name: 'f', fileName: 'f.txt', data }] },
  });
  assert.deepEqual(JSON.parse(body.val), { a: ['content', 'content'], n: 1, t: 'content', f: 'f.txt' });
});

test('a request without a body has an empty object', async () => {
  assert.equal((await answer('async ({ body }) => ({ status: 200, body })')).body.val, '{}');
});

test('each kind of response body keeps its kind', async () => {
  const kinds = { 'undefined': { tag: 'empty' }, 'null': { tag: 'json', val: 'null' }, '"x"': { tag: 'text', val: 'x' }, '{ a: 1 }': { tag: 'json', val: '{"a":1}' } };
  for (const [source, expected] of Object.entries(kinds)) {
    assert.deepEqual((await answer(`async () => ({ status: 200, body: ${source} })`)).body, expected);
  }
  assert.equal((await answer('async () => ({ status: 200, body: Buffer.from("hi") })')).body.tag, 'bytes');
});

test('an array of header values is a repeated header', async () => {
  const { headers } = await answer('async () => ({ status: 200, headers: { "set-cookie": ["a", "b"], x: undefined } })');
  assert.deepEqual(headers, [['set-cookie', 'a'], ['set-cookie', 'b']]);
});

test('a wrong response says what was expected', async () => {
  const wrong = ['undefined', '"x"', '({})', '({ status: 99 })', '({ status: 200, headers: { a: {} } })', '({ status: 200, body: 1n })', '({ statusCode: 200 })'];
  for (const source of wrong) {
    const { name, message } = await failure(answer(`async () => (${source})`));
    assert.equal(name, 'InvalidResponse', source);
    assert.match(message, /status|header|body|returned/, source);
  }
});

test('middleware runs from the first to the last and may change both ways', async () => {
  const layer = (name) => `async (req, ctx, next) => { req.order = (req.order ?? '') + '${name}'; const r = await next(); r.body += '${name}'; return r; }`;
  const { body } = await answer('async (req) => ({ status: 200, body: req.order + "|" })', {}, `middleware: [${layer('a')}, ${layer('b')}]`);
  assert.equal(body.val, 'ab|ba');
});

test('a middleware may not call next twice', async () => {
  const { message } = await failure(answer('async () => ({ status: 200 })', {}, 'middleware: [async function twice(req, ctx, next) { await next(); return next(); }]'));
  assert.match(message, /`twice` called next\(\) more than once/);
});

test('an event handler emits, logs and uses state and streams', async () => {
  const { handle, calls } = await start(eventStep(`
    await ctx.emit({ topic: 'next', data: undefined });
    ctx.logger.info('hello', { input, error: new TypeError('bad'), big: 1n });
    await ctx.state.set('g', 'k', { traceId: ctx.traceId });
    await ctx.state.update('g', 'k', [{ type: 'increment', path: 'n' }, { type: 'remove', path: 'x' }]);
    const item = await ctx.streams.chat.set('g', '1', { text: 'x', __motia: {} });
    await ctx.streams.chat.send({ groupId: 'g' }, { type: 'typing', data: item });`));
  assert.equal(await handle(event({ a: 1 })), undefined);
  assert.deepEqual(plain(calls.map(([name]) => name)), ['emit', 'log', 'state.set', 'state.update', 'streams.set', 'streams.send']);
  assert.deepEqual(plain(calls[0]), ['emit', 'next', 'null', { headers: [] }]);
  const logged = JSON.parse(calls[1][3]);
  assert.deepEqual([logged.input, logged.error.name, logged.big], [{ a: 1 }, 'TypeError', '1']);
  assert.deepEqual(plain(calls[3][3]), [{ tag: 'increment', val: ['n', 1] }, { tag: 'remove', val: 'x' }]);
  assert.equal(calls[4][4], '{"text":"x"}');
  assert.deepEqual(JSON.parse(calls[5][5]), {
    text: 'x', id: '1', __motia: { type: 'state-stream', streamName: 'chat', groupId: 'g', id: '1' },
  });
});

test('emit takes options and returns the id by which an event is taken back', async () => {
  const { handle, calls } = await start(eventStep(`
    const id = await ctx.emit({ topic: 't', data: 1, messageGroupId: 7, id: 'mine', delay: 1500, priority: -5, headers: { tenant: 'a', n: 1, none: undefined } });
    const cancelled = [await ctx.cancel(id), await ctx.cancel('other')];
    ctx.logger.info('done', { id, cancelled });
    for (const at of [new Date(1000), '1970-01-01T01:00:02+01:00', '1970-01-02', 3000.5, -1]) await ctx.emit({ topic: 't', data: 1, at, delay: null });`));
  await handle(event(1));
  const options = calls.filter(([name]) => name === 'emit').map(([, , , given]) => given);
  assert.deepEqual({ ...options[0], headers: plain(options[0].headers) }, {
    messageGroupId: '7', id: 'mine', at: undefined, delay: 1500n, priority: -5, headers: [['tenant', 'a'], ['n', '1']],
  });
  assert.deepEqual(JSON.parse(calls.find(([name]) => name === 'log')[3]), { id: 'event-1', cancelled: [true, false] });
  assert.deepEqual(options.slice(1).map(({ at }) => at), [1000n, 2000n, 86_400_000n, 3000n, 0n]);
});

test('wrong options of emit say what was expected', async () => {
  const wrong = {
    "at: 'tomorrow'": 'at must be a Date, an ISO 8601 text or milliseconds since 1970, but is `tomorrow`',
    'at: new Date(NaN)': 'at must be a Date, an ISO 8601 text or milliseconds since 1970, but is an invalid Date',
    "delay: '5s'": 'delay must be a number of milliseconds, but is `5s`',
    'delay: Infinity': 'delay must be a number of milliseconds, but is `Infinity`',
    'priority: 1.5': 'priority must be an integer from -100 to 100, but is `1.5`',
    'priority: 2 ** 32': 'priority must be an integer from -100 to 100, but is `4294967296`',
    'headers: [["a", "b"]]': 'headers must be a plain object of names and texts',
    'headers: { a: {} }': 'header `a` must be a string, but is object',
    'id: {}': 'id must be a string, but is object',
  };
  for (const [source, expected] of Object.entries(wrong)) {
    const { handle, calls } = await start(eventStep(`await ctx.emit({ topic: 't', data: 1, ${source} })`));
    assert.equal((await failure(handle(event(1)))).message, `emit: ${expected}`);
    assert.equal(calls.length, 0, source);
  }
  const { message } = await failure((await start(eventStep("await ctx.emit('t', 1)"))).handle(event(1)));
  assert.equal(message, 'emit expects { topic, data }, but was given `t`');
});

test('a handler knows its invocation and its event, or the events of its batch', async () => {
  const step = await start(eventStep('ctx.logger.info("in", { input, id: ctx.invocationId, event: ctx.event, events: ctx.events, list: input instanceof Array })'));
  const logged = () => JSON.parse(step.calls.pop()[3]);
  await step.handle(event({ a: 1 }, { messageGroupId: 'g', headers: [['tenant', 'x'], ['__proto__', 'y']] }));
  assert.deepEqual(logged(), {
    input: { a: 1 }, id: 'i', event: { id: 'e-1', topic: 't', messageGroupId: 'g', headers: JSON.parse('{"tenant":"x","__proto__":"y"}') }, list: false,
  });
  await step.handle(batch({ a: 1 }, 2));
  assert.deepEqual(logged(), {
    input: [{ a: 1 }, 2], id: 'i', events: ['e-1', 'e-2'].map((id) => ({ id, topic: 't', headers: {} })), list: true,
  });
});

test('a refused call is a MotiaError with a code', async () => {
  const step = await start(eventStep("try { await ctx.emit({ topic: 'no', data: 1 }) } catch (e) { ctx.logger.info([e.name, e.code, e.message].join()) }"));
  step.host.emitter.emit = () => { throw refusal('denied', 'not declared'); };
  await step.handle(event(1));
  assert.equal(step.calls[0][2], 'MotiaError,denied,not declared');
});

test('data without a JSON form is a TypeError that names it', async () => {
  const { handle } = await start(eventStep("await ctx.emit({ topic: 'x', data: { n: 1n } })"));
  const { name, message } = await failure(handle(event(1)));
  assert.equal(name, 'TypeError');
  assert.match(message, /^emit: data of `x` cannot be sent as JSON: /);
});

test('state and stream triggers and cron ticks have their input', async () => {
  const step = await start(eventStep('ctx.logger.info("in", input)'));
  await step.handle(trigger('state', { groupId: 'g', key: 'k', newValue: '0' }));
  await step.handle(trigger('stream', { streamName: 's', groupId: 'g', id: '1', action: 'delete', data: '{"id":"1"}' }));
  assert.deepEqual(step.calls.map(([, , , input]) => JSON.parse(input)), [
    { type: 'state', group_id: 'g', item_id: 'k', old_value: null, new_value: 0 },
    { type: 'stream', streamName: 's', groupId: 'g', id: '1', event: { type: 'delete', data: { id: '1' } } },
  ]);
  const cron = await start({ 'steps/c.step.ts': 'export const config = { type: "cron", name: "C" }; export const handler = async (ctx) => ctx.logger.info("tick " + ctx.flows)' });
  await cron.handle(trigger('cron', { scheduledAt: 1n }));
  assert.equal(cron.calls[0][2], 'tick f');
});

const stateStep = (condition, type = 'state') => ({
  'steps/s.step.ts': `export const config = { type: '${type}', name: 'S', key: 'k', condition: ${condition} };\nexport const handler = async (input, ctx) => ctx.logger.info('called', input.new_value);`,
});

test('a condition decides whether the handler is called', async () => {
  const change = (value) => trigger('state', { groupId: 'g', key: 'k', newValue: JSON.stringify(value) });
  for (const condition of ['({ new_value }) => new_value > 1', 'async ({ new_value }, ctx) => ctx.attempt === 2 && new_value > 1']) {
    const { handle, calls } = await start(stateStep(condition));
    assert.equal(await handle(change(1)), undefined);
    await handle(change(2));
    assert.deepEqual(calls.map(([, , , args]) => args), ['{"data":2}'], condition);
  }
  const { handle } = await start(stateStep("() => { throw new RangeError('undecided') }"));
  assert.equal((await failure(handle(change(1)))).name, 'RangeError');
});

test('a condition is a function that stays in the step', async () => {
  assert.deepEqual(await (await start(stateStep('() => true'))).config(), { type: 'state', name: 'S', key: 'k' });
  const { report } = await start(stateStep("'new_value > 1'"));
  assert.equal(report.error.message, 'steps/s.step.ts: `config.condition` is not a function; write `condition: (input, ctx) => true`');
  // The reader of configs refuses it by its name.
  assert.equal((await (await start(stateStep('() => true', 'event'))).config()).condition, true);
});

test('every throw becomes a failure', async () => {
  const run = async (source) => failure((await start(eventStep(source))).handle(event(1)));
  assert.equal((await run("throw 'text'")).message, 'text');
  assert.match((await run('throw undefined')).message, /undefined, which is not an Error/);
  assert.equal((await run("throw { get message() { throw 1 } }")).name, 'Error');
  const { stack } = await run("throw new Error('a', { cause: new RangeError('b') })");
  assert.match(stack, /Caused by: RangeError: b/);
});

test('an error says whether and when to retry', async () => {
  const run = async (thrown) => {
    const files = { 'steps/e.step.ts': `import { NonRetryableError, RetryAfterError } from 'motia';\n${eventStep(`throw ${thrown}`)['steps/e.step.ts']}` };
    return (await start(files)).handle(event(1)).catch(({ retryable, retryAfter }) => [retryable, retryAfter]);
  };
  assert.deepEqual(await run("new NonRetryableError('x')"), [false, undefined]);
  assert.deepEqual(await run("new RetryAfterError('x', 1500)"), [true, 1500n]);
  assert.deepEqual(await run("new Error('x')"), [true, undefined]);
});

test('a CommonJS step and a default export work', async () => {
  const cjs = await start({ 'steps/c.step.js': "const { n } = require('../lib/n.js'); module.exports = { config: { type: 'event', name: 'C' }, handler: async (i, ctx) => ctx.logger.info('n' + n) }", 'lib/n.js': 'exports.n = 1' });
  await cjs.handle(event(1));
  assert.equal(cjs.calls[0][2], 'n1');
  const wrapped = await start({ 'steps/d.step.js': "export default { config: { type: 'noop', name: 'D' } }" });
  assert.equal((await wrapped.config()).name, 'D');
});

test('JSON imports and the paths of tsconfig work', async () => {
  const step = await start({
    'steps/a.step.ts': "import data from '@lib/data.json'; export const config = { type: 'noop', name: data.name };",
    'lib/data.json': '{"name":"FromJson"}',
    'tsconfig.json': '{"compilerOptions":{"baseUrl":".","paths":{"@lib/*":["lib/*"]}}}',
  });
  assert.equal((await step.config()).name, 'FromJson');
});

test('a missing export names the file and the mend', async () => {
  const { report, config } = await start({ 'steps/a.step.ts': "export const config = { type: 'event', name: 'A' }" });
  assert.match(report.error.message, /^steps\/a\.step\.ts: no `handler` export; add `export const handler = /);
  assert.equal((await failure(config())).name, 'InvalidStep');
});

test('an error at the top level is reported', async () => {
  const { report } = await start({ 'steps/a.step.ts': "export const config = {}; throw new RangeError('at top')" });
  assert.deepEqual([report.error.name, report.error.message], ['RangeError', 'at top']);
});

test('a configuration loses what runs and keeps plain JSON Schema', async () => {
  const { config } = await start({ 'steps/s.stream.ts': "export const config = { name: 's', schema: { type: 'object', properties: {} }, canAccess: () => true, other: () => 1, list: [() => 1, 2] };" }, { kind: 'stream' });
  assert.deepEqual(await config(), { name: 's', schema: { type: 'object', properties: {} }, canAccess: true, list: [2] });
  const fields = { type: 'object', properties: { middleware: { type: 'string' }, condition: { type: 'string' } } };
  const step = await start(api('async () => ({ status: 200 })', `middleware: [() => 1], bodySchema: ${JSON.stringify(fields)}`));
  assert.deepEqual(await step.config(), { type: 'api', name: 'A', bodySchema: fields });
});

const schemaStep = (schema, imports) => ({ 'steps/a.step.ts': `${imports}\nexport const config = { type: 'noop', name: 'A', input: ${schema}, responseSchema: { 200: ${schema} } };` });

test('Zod 4, Zod Mini and Zod 3 become JSON Schema of what comes in', async () => {
  const object = (z) => `${z}.object({ a: ${z}.string(), n: ${z}.coerce.number(), d: ${z === 'm' ? 'm._default(m.number(), 1)' : `${z}.number().default(1)`} })`;
  for (const [z, from] of [['z', "import { z } from 'zod'"], ['m', "import * as m from 'zod/mini'"], ['z', "import { z } from 'zod/v3'"]]) {
    const { config, report } = await start(schemaStep(object(z), from));
    assert.equal(report.error, null, from);
    const { input, responseSchema } = await config();
    assert.equal(input.properties.a.type, 'string', from);
    assert.equal(input.properties.n.type, undefined, from);
    assert.ok(!input.required.includes('d'), from);
    assert.notEqual(input.additionalProperties, false, from);
    assert.deepEqual(responseSchema['200'], input, from);
  }
});

test('a step without Zod and Buffer has neither in its bundle', async () => {
  const bundled = async (body) => bundle(project(eventStep(body)), { file: 'steps/e.step.ts' });
  assert.doesNotMatch(await bundled(''), /ZodFirstPartyTypeKind|INSPECT_MAX_BYTES/);
  assert.match(await bundled('Buffer.alloc(1)'), /INSPECT_MAX_BYTES/);
});

test('Zod 4 does not compile its schemas', async () => {
  const { calls, handle } = await start({ 'steps/e.step.ts': `import { z } from 'zod';
    const schema = z.object({ n: z.number() });
    export const config = { type: 'event', name: 'E', input: schema };
    export const handler = async (input, { logger }) => {
      globalThis.Function = new Proxy(Function, { construct() { throw new Error('compiled'); } });
      if (schema.parse(input).n === 1) logger.info('checked');
    };` });
  await handle(event({ n: 1 }));
  assert.equal(calls[0][2], 'checked');
});

test('a Standard Schema that offers JSON Schema is converted, another is refused by name', async () => {
  const schema = (extra) => `({ '~standard': { version: 1, vendor: 'own', validate() {} ${extra} } })`;
  const offered = await start(schemaStep(schema(", jsonSchema: { input: ({ target }) => ({ target }) }"), ''));
  assert.deepEqual((await offered.config()).input, { target: 'draft-07' });
  const refused = await start(schemaStep(schema(''), ''));
  assert.match(refused.report.error.message, /steps\/a\.step\.ts: `input` cannot be turned into JSON Schema: schemas of own/);
});

const READER = "if (!process.env.KEY) throw new Error('KEY is missing');\nexport const config = { type: 'event', name: process.env.KEY };\nexport const handler = async (i, ctx) => ctx.logger.info(process.env.KEY);";

test('reads of environment, clock and randomness at the top level are reported', async () => {
  const { report } = await start({ 'steps/a.step.ts': "const kept = [process.env.A, 'B' in process.env, new Date(), Date.now(), Math.random(), crypto.randomUUID(), performance.now(), setTimeout(() => {}, 1)];\nexport const config = { type: 'noop', name: 'A', kept: String(kept[3]) };" });
  const seen = report.reads.map(({ what, name }) => `${what} ${name}`);
  assert.deepEqual(seen, ['env A', 'env B', 'clock Date', 'random random', 'random randomUUID', 'clock now', 'timer setTimeout']);
});

test('functions kept from the top level give real values later', async () => {
  const { handle, calls } = await start({ 'steps/e.step.ts': `const { random } = Math, now = Date.now, D = Date;\n${eventStep('ctx.logger.info("x", { r: random(), n: now(), d: new D() instanceof Date && new D().getTime() })')['steps/e.step.ts']}` });
  await handle(event(1));
  const { n, d } = JSON.parse(calls[0][3]);
  for (const time of [n, d]) assert.ok(Math.abs(time - Date.now()) < 10_000);
});

test('a deferred step is evaluated with the variables of the invocation', async () => {
  const step = { deferred: true };
  const { handle, calls, report } = await start({ 'steps/a.step.ts': READER }, step, { env: { KEY: 'v' } });
  assert.deepEqual(report, { reads: [], error: null });
  await handle(event(1));
  assert.equal(calls[0][2], 'v');
});

test('the configuration of a deferred step can be read with placeholders', async () => {
  const plainly = await start({ 'steps/a.step.ts': READER }, { deferred: true });
  const { message } = await failure(plainly.config());
  assert.match(message, /KEY is missing \(environment variables that steps\/a\.step\.ts read before: KEY\)/);
  const filled = await start({ 'steps/a.step.ts': READER }, { deferred: true }, { env: { MOTIA_CONFIG_PLACEHOLDERS: '1' } });
  assert.equal((await filled.config()).name, 'motia-placeholder-KEY');
});

test('an unknown module of Node fails the build', async () => {
  await assert.rejects(start({ 'steps/a.step.ts': "import fs from 'node:fs'; export const config = { fs }" }), /Could not resolve "node:fs"/);
});
