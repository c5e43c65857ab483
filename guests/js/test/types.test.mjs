// The types as steps use them: those of the module, and those that the build generates.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { nodeModules, project } from './bundle.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const tsc = join(nodeModules, 'typescript/bin/tsc');
const module = readFileSync(join(here, '../types/index.d.ts'), 'utf8');
const generated = readFileSync(join(here, '../../../toolchain/src/types/golden/types.d.ts'), 'utf8');

const OPTIONS = {
  target: 'ES2022', module: 'ESNext', moduleResolution: 'Bundler', lib: ['ES2022', 'DOM'], types: [], strict: true, noEmit: true,
};

const STEPS = {
  'steps/generated.step.ts': `
    import type { Handlers } from 'motia'
    export const create: Handlers['create-order'] = async (req, { emit, streams }) => {
      const order = { id: 'a', items: [], payment: { kind: 'cash' as const } }
      const id: string = await emit({ topic: 'order.created', data: order, delay: 1000, headers: { tenant: 'a' } })
      await emit({ topic: 'stock-low', data: { sku: id, left: 1 }, messageGroupId: 'g' })
      // @ts-expect-error the topic's subscriber takes events in order
      await emit({ topic: 'stock-low', data: { sku: id, left: 1 } })
      // @ts-expect-error the data of another topic
      await emit({ topic: 'order.created', data: { sku: id, left: 1 } })
      // @ts-expect-error no such option
      await emit({ topic: 'order.created', data: order, wait: 1 })
      // @ts-expect-error no such topic
      await emit({ topic: 'other', data: 1 })
      await streams.orders.set('g', order.id, order)
      return { status: 404, body: { error: req.body.id } }
    }
    export const report: Handlers['report'] = async ({ emit }) => {
      // @ts-expect-error it emits nothing
      await emit({ topic: 'order.created', data: 1 })
    }
    export const refill: Handlers['refill'] = async ({ sku, left }, { event, cancel }) => {
      const values: [string, number, string | undefined, boolean] = [sku, left, event.headers.tenant, await cancel(event.id)]
    }`,
  'steps/written.step.ts': `
    import type {
      ApiMiddleware, ApiRouteConfig, BatchHandler, CronConfig, EventConfig, EventHandler, FlowContext, StateConfig, StateHandler, StepConfig, StreamConfig, StreamHandler, StreamTriggerConfig,
    } from 'motia'
    import { config, defineConfig } from 'motia'
    type Order = { id: string; total: number }

    export const batch: EventConfig = {
      type: 'event', name: 'A', subscribes: ['t'], atomic: true,
      infrastructure: { queue: { batch: { size: 10, key: 'customer.id' }, backoff: { type: 'fixed', jitter: 0 }, priority: { key: 'urgency' } } },
    }
    export const gather: BatchHandler<Order> = async (orders, { events }) => {
      const ids: string[] = [...orders.map(({ id }) => id), ...events.map(({ id }) => id)]
    }
    // @ts-expect-error the input is a list
    export const one: BatchHandler<Order> = async (order) => order.total

    export const state: StateConfig<Order> = {
      type: 'state', name: 'B', groupId: 'orders', key: 'o-*', condition: async ({ new_value }, ctx) => (new_value?.total ?? 0) > ctx.attempt,
    }
    export const paid: StateHandler<Order, { topic: 'paid'; data: Order }> = async ({ item_id, new_value }, { emit }) => {
      if (new_value) await emit({ topic: 'paid', data: new_value, id: item_id, at: new Date() })
    }
    // @ts-expect-error changes are in order
    export const ordered: StateConfig = { type: 'state', name: 'C', infrastructure: { queue: { batch: { size: 2 } } } }

    export const stream: StreamTriggerConfig = { type: 'stream', name: 'D', streamName: 'orders', condition: ({ event }) => event.type !== 'delete' }
    export const changed: StreamHandler<{ total: number }> = async ({ event }) => {
      const { id, total }: Order = event.data
    }
    export const cron: CronConfig = { type: 'cron', name: 'E', cron: '* * * * *', overlap: 'skip', catchup: 'last', jitterSeconds: 5 }
    export const all: StepConfig[] = [batch, state, stream, cron]

    export const anything = async ({ emit }: FlowContext<any>, other: FlowContext<unknown>) => {
      await emit({ topic: 'a', data: 1 })
      await other.emit({ topic: 'a', data: 1, priority: 1 })
    }
    export const general: EventHandler<Order, any> = async (order, ctx) => anything(ctx, ctx)
    const authenticate: ApiMiddleware = async (req, ctx, next) => next()
    export const api: ApiRouteConfig = { type: 'api', name: 'F', method: 'GET', path: '/', middleware: [authenticate] }
    export const middleware: ApiMiddleware<any, any> = async (req, ctx, next) => {
      await ctx.emit({ topic: 'seen', data: req.path })
      return next()
    }
    export const followed: StreamConfig = {
      name: 'orders', schema: {}, baseConfig: { storageType: 'default' }, roles: { read: ['member'] },
      canAccess: async ({ groupId }, auth) => auth?.user === groupId,
      onJoin: async ({ id }, { state }, auth) => ({ unauthorized: (await state.get('banned', id ?? auth.user)) !== null }),
      onLeave: ({ streamName }, { logger }) => logger.info('left', { streamName }),
    }
    export const project = config({
      plugins: [],
      streamAuth: { contextSchema: {}, authenticate: async ({ headers, queryParams }) => (queryParams.user ? { user: headers.user } : null) },
    })
    // @ts-expect-error it authenticates nobody
    export const wrong = defineConfig({ streamAuth: { contextSchema: {} } })
    export async function relay<T extends { topic: string; data: unknown }>(event: T, emit: FlowContext<T>['emit']): Promise<string> {
      return emit(event)
    }`,
};

/** What the compiler says about a project with these files. */
function check(files) {
  const dir = project({ 'tsconfig.json': JSON.stringify({ compilerOptions: OPTIONS, include: ['**/*.ts'] }), ...files });
  return spawnSync(process.execPath, [tsc, '-p', dir], { encoding: 'utf8' }).stdout;
}

test('the generated types extend an installed package', { skip: !existsSync(tsc) }, () => {
  const installed = {
    'node_modules/motia/package.json': '{"name":"motia","version":"1.0.0","types":"index.d.ts"}',
    'node_modules/motia/index.d.ts': module,
  };
  assert.equal(check({ 'types.d.ts': generated, ...installed, ...STEPS }), '');
});

test('what is known of clients is not null once it has a type', { skip: !existsSync(tsc) }, () => {
  const text = `declare module 'motia' {\n${module}}\ndeclare module 'motia' { interface StreamAuthContext { user: string } }\n`;
  const stream = (condition) => ({
    'a.stream.ts': `import type { StreamAuthContext, StreamConfig } from 'motia'
      export const config: StreamConfig = { name: 'a', schema: {}, baseConfig: { storageType: 'default' }, canAccess: ({ groupId }, auth) => ${condition} }
      export const known = ({ user }: StreamAuthContext): string => user`,
  });
  assert.equal(check({ 'types.d.ts': text, ...stream('auth?.user === groupId') }), '');
  assert.match(check({ 'types.d.ts': text, ...stream('auth.user === groupId') }), /'auth' is possibly 'null'/);
});

test('the generated types may have the module with them', { skip: !existsSync(tsc) }, () => {
  const included = `${generated.replace(/^import .*$/m, '')}\ndeclare module 'motia' {\n${module}}\n`;
  assert.equal(check({ 'types.d.ts': included, ...STEPS }), '');
});
