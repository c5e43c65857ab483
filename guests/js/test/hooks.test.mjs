// The functions of streams and of the project's config, in Node with a host of the test's own.

import assert from 'node:assert/strict';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { start, trigger } from './host.mjs';

const STAND_IN = join(dirname(fileURLToPath(import.meta.url)), '../src/stand-in.js');

/** Values of the step's realm as those of this one. */
const plain = (value) => (value === undefined ? undefined : JSON.parse(JSON.stringify(value)));

const stream = (functions) => start({ 'a.stream.js': `export const config = { name: 'a', schema: { type: 'object' }, ${functions} };` }, { kind: 'stream' });
const project = (text, more = {}) => start({ 'motia.config.ts': text, ...more }, { kind: 'project' });

const subscription = (tag, fields) => trigger(tag, { streamName: 'a', groupId: 'g', id: undefined, context: undefined, ...fields });
const arrival = (url = '/', headers = []) => trigger('authenticate', { headers, url });

const status = async (answer) => (await answer)?.status;

async function failure(promise) {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new assert.AssertionError({ message: 'nothing was thrown' });
}

test('the config of a stream says which functions it has', async () => {
  const { config } = await stream("roles: { read: ['a'] }, canAccess: () => true, onLeave: async () => {}");
  assert.deepEqual(await config(), { name: 'a', schema: { type: 'object' }, roles: { read: ['a'] }, canAccess: true, onLeave: true });
});

test('canAccess is given the subscription and the context', async () => {
  const { handle, calls } = await stream('canAccess: async (subscription, auth, { logger }) => { logger.info("asked", { subscription, auth }); return auth?.user === subscription.groupId }');
  assert.equal(await status(handle(subscription('can-access', { id: '1', context: '{"user":"g"}' }))), 200);
  assert.deepEqual(JSON.parse(calls[0][3]), { subscription: { streamName: 'a', groupId: 'g', id: '1' }, auth: { user: 'g' } });
  assert.equal(await status(handle(subscription('can-access', { context: '{"user":"h"}' }))), 403);
  assert.equal(await status(handle(subscription('can-access'))), 403);
});

test('onJoin and onLeave have a context, and onJoin may refuse', async () => {
  const { handle, calls } = await stream(`
    onJoin: async ({ groupId }, { state }, auth) => { await state.set('in', groupId, auth); return ${'{ odd: 1, closed: { unauthorized: true }, open: { unauthorized: false } }'}[groupId] },
    onLeave: ({ groupId }, { state }) => state.delete('in', groupId),`);
  assert.equal(await status(handle(subscription('join', { groupId: 'open' }))), 200);
  assert.equal(await status(handle(subscription('join', { groupId: 'else' }))), 200);
  assert.equal(await status(handle(subscription('join', { groupId: 'closed' }))), 403);
  assert.match((await failure(handle(subscription('join', { groupId: 'odd' })))).message, /a\.stream\.js: what `onJoin` returned is of the type number/);
  calls.length = 0;
  assert.equal(await handle(subscription('leave')), undefined);
  assert.deepEqual(plain(calls[0].slice(0, 3)), ['state.delete', 'in', 'g']);
  assert.match((await failure(handle(subscription('can-access')))).message, /has no function `canAccess`/);
});

test('streamAuth answers with the context, or with nothing for an anonymous client', async () => {
  const { config, handle } = await project(`
    import { config } from 'motia'
    export default config({
      redis: { useMemoryServer: true },
      streamAuth: {
        contextSchema: { type: 'object' },
        authenticate: async ({ headers, url, path, queryParams }) => {
          if (queryParams.token === 'bad') throw new Error('nobody')
          if (queryParams.token === 'odd') return true as any
          return queryParams.token ? { headers, url, path, queryParams } : null
        },
      },
    })`);
  assert.deepEqual(await config(), { authenticates: true, contextSchema: { type: 'object' }, ignored: ['redis'] });
  assert.equal(await handle(arrival()), undefined);
  const url = '/a/b?token=x%20y&n=1&n=2';
  const { status, body } = await handle(arrival(url, [['cookie', 'a'], ['cookie', 'b']]));
  assert.equal(status, 200);
  assert.deepEqual(JSON.parse(body.val), { headers: { cookie: 'a; b' }, url, path: '/a/b', queryParams: { token: 'x y', n: ['1', '2'] } });
  assert.equal((await failure(handle(arrival('/?token=bad')))).message, 'nobody');
  assert.match((await failure(handle(arrival('/?token=odd')))).message, /the context of a client is of the type boolean/);
});

test('authenticateStream is the other form', async () => {
  const { config, handle } = await project(`
    export const otel = { enabled: true }
    export const helper = 1
    export const authenticateStream = async ({ queryParams }, { traceId }) => queryParams.user ? { context: { user: queryParams.user, traceId } } : {}`);
  assert.deepEqual(await config(), { authenticates: true, ignored: ['otel'] });
  assert.deepEqual(JSON.parse((await handle(arrival('/?user=ann'))).body.val), { user: 'ann', traceId: 'T-1' });
  assert.equal(await handle(arrival()), undefined);
});

test('a config without authentication, and wrong ones', async () => {
  const plugins = await project('export default { plugins: [], app: () => {} }');
  assert.deepEqual(await plugins.config(), { authenticates: false, ignored: ['plugins', 'app'] });
  for (const [text, message] of [
    ['export default { streamAuth: {} }', /motia\.config\.ts: `streamAuth` has no function `authenticate`/],
    ['export const authenticateStream = 1', /`authenticateStream` is not a function/],
    ['export const authenticateStream = () => {}; export default { streamAuth: { authenticate() {} } }', /keep one of them/],
  ]) {
    assert.match((await project(text)).report.error.message, message);
  }
});

test('what stands in for plugins does nothing at first, and refuses when clients come', async () => {
  const files = { 'lib/verify.ts': `import verify, { Verifier } from '${STAND_IN}'; export const check = (token) => new Verifier(verify(token)).ok;` };
  const { config, handle, report } = await project(`
    import plugin, { Adapter } from '${STAND_IN}'
    import { check } from './lib/verify'
    const other = require('${STAND_IN}')
    const made = new Adapter({ host: plugin.host })
    export default {
      plugins: [plugin, other.default, other({ a: 1 }).b.c()],
      adapters: { state: made },
      streamAuth: { authenticate: ({ queryParams }) => queryParams.token ? { user: check(queryParams.token) && 'ann' } : null },
    }`, files);
  assert.equal(report.error, null);
  assert.deepEqual(await config(), { authenticates: true, ignored: ['plugins', 'adapters'] });
  assert.equal(await handle(arrival()), undefined);
  assert.match((await failure(handle(arrival('/?token=x')))).message, /a module that does not exist here/);
});

test('a config that reads the environment waits for its variables', async () => {
  const text = `import plugin from '${STAND_IN}'
    const key = process.env.KEY
    export default { plugins: [plugin.make(key)], streamAuth: { authenticate: ({ queryParams }) => { if (queryParams.key !== key) throw new Error('no'); return { key } } } }`;
  const { config, handle } = await start({ 'motia.config.ts': text }, { kind: 'project', deferred: true }, { env: { KEY: 'k' } });
  assert.equal((await config()).authenticates, true);
  assert.equal((await handle(arrival('/?key=k'))).status, 200);
  assert.equal((await failure(handle(arrival('/?key=x')))).message, 'no');
});
