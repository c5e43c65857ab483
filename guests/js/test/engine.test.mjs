// A step on the real engine: spliced by the toolchain's script, snapshotted by wizer, run by jco.
// This is the recipe that the toolchain follows in its own process.

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { before, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { bundle, nodeModules, project, requireTool, toolchain } from './bundle.mjs';
import { batch, event, trigger } from './host.mjs';

const wit = join(toolchain, '../../../../wit');
const wizer = join(nodeModules, `@bytecodealliance/wizer-${process.platform}-${process.arch}/wizer`);
const work = mkdtempSync(join(tmpdir(), 'motia-engine-'));
const engine = join(work, 'engine');

before(() => {
  // The script finds its packages next to itself, as it does where the toolchain installs it.
  const home = join(work, 'node');
  mkdirSync(home);
  copyFileSync(join(toolchain, 'splice.mjs'), join(home, 'splice.mjs'));
  symlinkSync(nodeModules, join(home, 'node_modules'));
  execFileSync(process.execPath, [join(home, 'splice.mjs'), engine, wit], { stdio: 'inherit' });
}, { skip: !existsSync(wizer) });

/** Evaluates the bundle and returns the snapshot's file and what was printed meanwhile. */
function snapshot(dir, code) {
  const sources = join(dir, '.sources');
  mkdirSync(sources);
  writeFileSync(join(sources, 'step.js'), code);
  copyFileSync(join(engine, 'initializer.js'), join(sources, 'initializer.js'));
  const core = join(dir, 'core.wasm');
  const flags = ['--allow-wasi', '--init-func', 'componentize.wizer', `--mapdir=/::${sources}`, '--wasm-bulk-memory=true', '--inherit-env=true'];
  const { stdout, stderr } = spawnSync(wizer, [...flags, `-o=${core}`, join(engine, 'in.wasm')], {
    env: JSON.parse(readFileSync(join(engine, 'environment.json'), 'utf8')),
    input: '--initializer-script-path /initializer.js --strip-path-prefix / step.js',
    encoding: 'utf8',
  });
  // A rehearsal that fails says so here.
  assert.equal(stderr, '');
  return { core, report: JSON.parse(/^motia-init:(.*)$/m.exec(stdout)[1]) };
}

/** A component of the snapshot, as a module that Node runs, and the calls that its host gets. */
async function load(dir, core, env) {
  const jcoPath = requireTool.resolve('@bytecodealliance/jco');
  const { componentNew, transpile } = await import(pathToFileURL(jcoPath));
  const adapter = readFileSync(join(engine, 'adapter.wasm'));
  const component = await componentNew(readFileSync(core), [['wasi_snapshot_preview1', adapter]]);
  const host = join(dir, 'host.mjs');
  const names = ['emit', 'cancel', 'log', 'get', 'set', 'getGroup', 'clear', 'update', 'send'];
  const answers = `const answers = { emit: 'event-1', cancel: true };`;
  writeFileSync(host, `export const calls = [];\n${answers}\n${names.map((name) => `export const ${name} = (...args) => { calls.push(args); return answers.${name}; };`).join('\n')}\nconst remove = () => {};\nexport { remove as delete };`);
  const map = { 'motia:step/*': host };
  const { files } = await transpile(component, { name: 'step', map, noTypescript: true });
  for (const [name, bytes] of Object.entries(files)) {
    mkdirSync(dirname(join(dir, name)), { recursive: true });
    writeFileSync(join(dir, name), bytes);
  }
  writeFileSync(join(dir, 'package.json'), '{"type":"module"}');
  mkdirSync(join(dir, 'node_modules/@bytecodealliance'), { recursive: true });
  const shim = [join(dirname(jcoPath), '../node_modules/@bytecodealliance/preview2-shim'), join(nodeModules, '@bytecodealliance/preview2-shim')].find(existsSync);
  symlinkSync(shim, join(dir, 'node_modules/@bytecodealliance/preview2-shim'));
  writeFileSync(join(dir, 'wasi.mjs'), "export { _setEnv as setEnvironment } from '@bytecodealliance/preview2-shim/cli';");
  const { setEnvironment } = await import(join(dir, 'wasi.mjs'));
  setEnvironment(env);
  const [step, { calls }] = await Promise.all([import(join(dir, 'step.js')), import(host)]);
  return { step, calls };
}

const FILES = {
  'steps/a.step.ts': `import { z } from 'zod';
    import { key } from '../lib/key';
    import { old } from '../lib/old.cjs';
    export const config = { type: 'event', name: 'A', subscribes: ['t'], input: z.object({ n: z.number() }) };
    export const handler = async (input, ctx) => {
      await new Promise((resolve) => setTimeout(resolve, 5));
      if (input.fail) throw new TypeError('boom');
      ctx.logger.info('done', { key, old, random: Math.random(), hash: Buffer.from('hi').toString('hex'), text: input.text });
    };`,
  'lib/key.ts': 'export const key = process.env.API_KEY;',
  'lib/old.cjs': 'exports.old = String(new Date().getFullYear());',
};

test('the first build names the modules that must wait', { skip: !existsSync(wizer) }, async () => {
  const dir = project(FILES);
  const { report } = snapshot(dir, await bundle(dir, { file: 'steps/a.step.ts' }));
  assert.deepEqual(report, {
    reads: [{ what: 'env', name: 'API_KEY', module: 'lib/key.ts' }, { what: 'clock', name: 'Date', module: 'lib/old.cjs' }],
    error: null,
  });
});

test('the deferred build runs with the values of the invocation', { skip: !existsSync(wizer) }, async () => {
  const dir = project(FILES);
  const { core, report } = snapshot(dir, await bundle(dir, { file: 'steps/a.step.ts', deferred: true }));
  assert.deepEqual(report, { reads: [], error: null });

  const { step, calls } = await load(dir, core, { API_KEY: 'secret' });
  assert.equal(JSON.parse(step.config()).input.properties.n.type, 'number');
  const text = 'a\u00e4\u20ac\u{1f600}';
  step.handle(event({ n: 1, text }));
  // The rehearsal at build left nothing behind.
  assert.equal(calls.length, 1);
  const logged = JSON.parse(calls.find(([level]) => level === 'info')[2]);
  assert.deepEqual([logged.key, logged.old, logged.hash, logged.text], ['secret', String(new Date().getFullYear()), '6869', text]);

  assert.throws(() => step.handle(event({ fail: true })), ({ payload }) => {
    assert.deepEqual([payload.name, payload.message, payload.retryable], ['TypeError', 'boom', true]);
    assert.match(payload.stack, /^ {4}at handler \(step\.js:\d+:\d+\)/);
    return true;
  });
});

test('options, batches and changes cross the contract', { skip: !existsSync(wizer) }, async () => {
  const dir = project({
    'a.step.js': `export const config = { type: 'stream', name: 'A', streamName: 's', condition: (input) => input.type !== 'state' || input.new_value };
      export const handler = async (input, { emit, cancel, event, events, invocationId }) => {
        const id = await emit({ topic: 't', data: { input, event, events, invocationId }, messageGroupId: 'g', id: 'mine', at: '2030-01-01T00:00', priority: -1, headers: { a: 'b' } });
        if (!(await cancel(id))) throw new Error('not cancelled');
      };`,
  });
  const { core } = snapshot(dir, await bundle(dir, { file: 'a.step.js' }));
  const { step, calls } = await load(dir, core, {});
  const run = (invocation) => {
    calls.length = 0;
    step.handle(invocation);
    return calls.length === 0 ? null : JSON.parse(calls[0][1]);
  };

  const received = { id: 'e-1', topic: 't', messageGroupId: 'g', headers: { x: 'y' } };
  assert.deepEqual(run(event(1, { messageGroupId: 'g', headers: [['x', 'y']] })), { input: 1, event: received, invocationId: 'i' });
  const options = { messageGroupId: 'g', id: 'mine', at: BigInt(Date.UTC(2030, 0)), delay: undefined, priority: -1, headers: [['a', 'b']] };
  assert.deepEqual([calls[0][2], calls[1]], [options, ['event-1']]);
  assert.deepEqual(run(batch(1, { b: 2 })).events.map(({ id }) => id), ['e-1', 'e-2']);

  const state = (newValue) => trigger('state', { groupId: 'g', key: 'k', oldValue: '1', newValue });
  assert.equal(run(state(undefined)), null);
  assert.deepEqual(run(state('2')).input, { type: 'state', group_id: 'g', item_id: 'k', old_value: 1, new_value: 2 });
  const change = { streamName: 's', groupId: 'g', id: '1', action: 'update', data: '{"id":"1"}' };
  assert.deepEqual(run(trigger('stream', change)).input.event, { type: 'update', data: { id: '1' } });
});

test('the functions of streams cross the contract', { skip: !existsSync(wizer) }, async () => {
  const dir = project({
    'a.stream.js': `export const config = { name: 'a', canAccess: ({ id }, auth) => id === auth?.user,
      onLeave: ({ groupId }, { logger }) => logger.info('left', { groupId }) };`,
    'motia.config.js': `export default { streamAuth: { authenticate: ({ queryParams, headers }) => queryParams.user ? { user: queryParams.user, host: headers.host } : null } };`,
  });
  const asked = (tag, id, context) => trigger(tag, { streamName: 'a', groupId: 'g', id, context });
  const stream = await load(dir, snapshot(dir, await bundle(dir, { file: 'a.stream.js', kind: 'stream' })).core, {});
  assert.equal(stream.step.handle(asked('can-access', 'ann', '{"user":"ann"}')).status, 200);
  assert.equal(stream.step.handle(asked('can-access', undefined, '{"user":"ann"}')).status, 403);
  assert.equal(stream.step.handle(asked('leave', undefined, undefined)), undefined);
  assert.deepEqual(stream.calls, [['info', 'left', '{"groupId":"g"}']]);

  const auth = project({});
  const { core } = snapshot(auth, await bundle(dir, { file: 'motia.config.js', kind: 'project' }));
  const { step } = await load(auth, core, {});
  const arrival = (url) => trigger('authenticate', { headers: [['host', 'h']], url });
  assert.deepEqual(JSON.parse(step.handle(arrival('/?user=ann')).body.val), { user: 'ann', host: 'h' });
  assert.equal(step.handle(arrival('/')), undefined);
});
