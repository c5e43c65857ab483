// From a step's module to its configuration as JSON.

import { InvalidStep } from './errors.js';
import { isLibrarySchema, toJsonSchema } from './schema/index.js';

/**
 * @typedef {object} Definition
 * @property {object} config
 * @property {Function} [handler]
 * @property {{ authenticate: Function }} [streamAuth] of the project's config
 * @property {Function} [authenticateStream] the other form of it
 */

const EXAMPLES = {
  config: 'export const config = { ... }',
  handler: 'export const handler = async (...) => { ... }',
  condition: 'condition: (input, ctx) => true',
  streamAuth: 'streamAuth: { authenticate: async ({ headers, url }) => ({ ... }) }',
};

/** The types of steps whose handler runs only on a condition. */
const CONDITIONAL = ['state', 'stream'];

/**
 * What of a step's config runs, by the types of steps that have it: it never reaches the JSON. Elsewhere
 * it does, for the reader of configs to refuse it.
 */
const CODE = new Map([['middleware', ['api']], ['condition', CONDITIONAL]]);

/** The functions of a stream; that there are any is part of its JSON. */
const HOOKS = ['canAccess', 'onJoin', 'onLeave'];

/** An export by name, or a field of the default export; a CommonJS module may be wrapped twice. */
function find(module, name) {
  const places = [module, module?.default, module?.default?.default];
  return places.find((place) => place?.[name] !== undefined)?.[name];
}

/** What the project's config may have for other hosts. */
const KNOWN_FIELDS = ['app', 'plugins', 'adapters', 'redis', 'otel'];

/** Streams and noop steps have nothing to run. */
const needsHandler = (config, kind) => kind === 'step' && config.type !== 'noop';

/**
 * @param {string} file the step's file, for messages
 * @param {'step' | 'stream' | 'project'} kind
 * @param {unknown} module what the file exports
 * @returns {Definition}
 * @throws {InvalidStep}
 */
export function definition(file, kind, module) {
  if (kind === 'project') return projectDefinition(file, module);
  const [config, handler] = [find(module, 'config'), find(module, 'handler')];
  if (config === undefined) throw new InvalidStep(`${file}: no \`config\` export; add \`${EXAMPLES.config}\``);
  if (config === null || typeof config !== 'object' || Array.isArray(config)) {
    throw new InvalidStep(`${file}: \`config\` is not an object; write \`${EXAMPLES.config}\``);
  }
  if (needsHandler(config, kind)) {
    if (handler === undefined) throw new InvalidStep(`${file}: no \`handler\` export; add \`${EXAMPLES.handler}\``);
    if (typeof handler !== 'function') throw new InvalidStep(`${file}: \`handler\` is not a function; write \`${EXAMPLES.handler}\``);
  }
  checkCondition(file, config);
  return { config, handler };
}

/** The project's own config: only what concerns clients of streams is of use here. */
function projectDefinition(file, module) {
  const [streamAuth, authenticateStream] = [find(module, 'streamAuth') ?? undefined, find(module, 'authenticateStream') ?? undefined];
  if (streamAuth !== undefined && typeof streamAuth.authenticate !== 'function') {
    throw new InvalidStep(`${file}: \`streamAuth\` has no function \`authenticate\`; write \`${EXAMPLES.streamAuth}\``);
  }
  if (authenticateStream !== undefined && typeof authenticateStream !== 'function') {
    throw new InvalidStep(`${file}: \`authenticateStream\` is not a function`);
  }
  if (streamAuth && authenticateStream) {
    throw new InvalidStep(`${file}: \`streamAuth\` and \`authenticateStream\` both authenticate clients; keep one of them`);
  }
  const authenticates = Boolean(streamAuth || authenticateStream);
  const config = { authenticates, contextSchema: streamAuth?.contextSchema, ignored: ignoredFields(module) };
  return { config, streamAuth, authenticateStream };
}

/** Without a default export, what else is exported may be anything. */
function ignoredFields(module) {
  const exported = module?.default?.default ?? module?.default;
  const names = Object.keys(exported ?? module ?? {});
  const ignored = exported === undefined ? names.filter((name) => KNOWN_FIELDS.includes(name)) : names;
  return ignored.filter((name) => name !== 'streamAuth' && name !== 'authenticateStream');
}

function checkCondition(file, { type, condition }) {
  if (!CONDITIONAL.includes(type) || condition === undefined || condition === null || typeof condition === 'function') return;
  throw new InvalidStep(`${file}: \`config.condition\` is not a function; write \`${EXAMPLES.condition}\``);
}

/**
 * @param {string} file the step's file, for messages
 * @param {object} config
 * @returns {string} JSON: schemas as JSON Schema, without what runs (functions, middleware)
 * @throws {InvalidStep}
 */
export function configJson(file, config) {
  try {
    return JSON.stringify(plain(config, '', []));
  } catch (error) {
    throw new InvalidStep(`${file}: ${error.message}`);
  }
}

const join = (path, key) => (path === '' ? key : `${path}.${key}`);

function plain(value, path, ancestors) {
  if (isLibrarySchema(value)) return toJsonSchema(value, path);
  if (typeof value === 'function') return undefined;
  if (typeof value === 'bigint' || typeof value === 'symbol') throw new TypeError(`\`${path}\` is a ${typeof value}, which JSON cannot hold`);
  if (value === null || typeof value !== 'object') return value;
  if (typeof value.toJSON === 'function') return value.toJSON();
  if (ancestors.includes(value)) throw new TypeError(`\`${path}\` contains itself, which JSON cannot hold`);

  const inner = [...ancestors, value];
  if (Array.isArray(value)) {
    return value.flatMap((one, index) => (typeof one === 'function' ? [] : [plain(one, `${path}[${index}]`, inner)]));
  }
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => path !== '' || !CODE.get(key)?.includes(value.type))
      .map(([key, one]) => [key, isMarked(key, one) ? true : plain(one, join(path, key), inner)]),
  );
}

/** That there is such a function is part of the configuration; the function itself is not. */
const isMarked = (key, value) => typeof value === 'function' && (key === 'condition' || HOOKS.includes(key));
