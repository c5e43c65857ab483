// One invocation of a handler.

import { createContext } from './context.js';
import { InvalidStep } from './errors.js';
import { callHook, isHook } from './hooks.js';
import { apiRequest, triggerInput } from './request.js';
import { toResponse } from './response.js';

/** Wraps the handler in the middleware; the first one is the outermost. */
function withMiddleware(handler, middleware, ctx) {
  return middleware.reduceRight((next, layer, index) => {
    if (typeof layer !== 'function') throw new InvalidStep(`\`config.middleware[${index}]\` is not a function`);
    return async (req) => {
      let called = false;
      return layer(req, ctx, async () => {
        if (called) throw new Error(`the middleware \`${layer.name || index}\` called next() more than once`);
        called = true;
        return next(req);
      });
    };
  }, (req) => handler(req, ctx));
}

/** A change that the step's condition does not want is done with. */
async function react(condition, handler, input, ctx) {
  if (!condition || (await condition(input, ctx))) await handler(input, ctx);
}

/**
 * @param {import('./config.js').Definition} definition
 * @param {string} file the step's file, for messages
 * @param invocation the record `invocation` of the contract
 * @returns the record `response` for a request and for most hooks, otherwise nothing
 */
export async function run(definition, file, invocation) {
  if (isHook(invocation.trigger.tag)) return callHook(definition, file, invocation.trigger, createContext(invocation));
  const { config, handler } = definition;
  if (!handler) throw new InvalidStep(`${file}: this step has no handler and cannot be called`);
  const ctx = createContext(invocation);
  const { trigger } = invocation;
  if (trigger.tag === 'api') {
    const call = withMiddleware(handler, config.middleware ?? [], ctx);
    return toResponse(await call(apiRequest(trigger.val)));
  }
  if (trigger.tag === 'cron') await handler(ctx);
  else await react(config.condition, handler, triggerInput(trigger), ctx);
  return undefined;
}
