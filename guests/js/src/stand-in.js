// What the project's config imports only for plugins and adapters, which do not exist here.
//
// While the config is evaluated anything can be done with it, and nothing happens. Later it refuses
// everything: a client must not be let in because a function that checks its token is not there.

const { evaluation } = require('./evaluation.js');

const REFUSAL = 'the project\'s config uses a module that does not exist here: packages `@motiadev/...` and what the build warns of';

function use() {
  if (!evaluation.runs) throw new Error(REFUSAL);
  return standIn;
}

const handler = {
  apply: use,
  construct: use,
  // A promise of it would never be settled if it had a function `then`.
  get: (target, key) => (key === 'then' ? undefined : typeof key === 'symbol' ? Reflect.get(target, key) : use()),
};

const target = Object.assign(function () {}, {
  [Symbol.toPrimitive]: () => (use(), ''),
  [Symbol.iterator]: () => (use(), [].values()),
});

const standIn = new Proxy(target, handler);

// The bundler asks a module for its prototype and looks named imports up there.
module.exports = new Proxy(target, { ...handler, getPrototypeOf: () => standIn });
