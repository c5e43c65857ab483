// From a step's module to the exports of the world `step`.
//
// The toolchain generates an entry module for each step, which imports this one and calls
// `createStep`. The entry's top level runs once, at build, and its heap becomes the snapshot;
// `config` and `handle` run in fresh instances of it.

import './globals.js';
import { configJson, definition } from './config.js';
import { loadEnvironment, onRead } from './environment.js';
import { evaluating } from './evaluation.js';
import { toFailure } from './failure.js';
import { rehearse } from './rehearsal.js';
import { run } from './run.js';
import { installTaps, removeTaps } from './taps.js';

/** The line on stdout that tells the toolchain how the initialization went starts with this. */
const REPORT = 'motia-init:';

installTaps();

/**
 * @typedef {object} StepSource
 * @property {string} file the step's file, relative to the project, for messages
 * @property {'step' | 'stream' | 'project'} kind
 * @property {() => unknown} load evaluates the step's module and returns its exports, or a promise of them
 * @property {boolean} deferred whether `load` must wait for the invocation
 * @property {(() => unknown)[]} [eager] evaluate the modules that can be in the snapshot when `load` must wait
 */

/**
 * Evaluates what may be evaluated at build, reports on stdout, and returns the world's exports.
 * @param {StepSource} source
 */
export function createStep({ file, kind, load, deferred, eager = [] }) {
  const prepared = prepare();
  report(prepared.failure);
  rehearse(answer);

  function prepare() {
    try {
      eager.forEach((evaluate) => evaluating(evaluate));
      return deferred ? {} : described(evaluating(load));
    } catch (error) {
      return { failure: toFailure(error) };
    }
  }

  function described(module) {
    if (typeof module?.then === 'function') {
      throw new TypeError(`${file}: the module is evaluated asynchronously and must be deferred`);
    }
    const step = definition(file, kind, module);
    return { step, json: configJson(file, step.config) };
  }

  async function config() {
    if (prepared.failure) throw prepared.failure;
    if (prepared.json !== undefined) return prepared.json;
    const read = new Set();
    try {
      loadEnvironment();
      onRead((name) => read.add(name ?? 'all of process.env'));
      return described(await evaluating(load)).json;
    } catch (error) {
      const failure = toFailure(error);
      const names = [...read].join(', ');
      if (names !== '') failure.message += ` (environment variables that ${file} read before: ${names})`;
      throw failure;
    } finally {
      onRead(null);
    }
  }

  function handle(invocation) {
    if (prepared.failure) throw prepared.failure;
    return answer(prepared.step, invocation);
  }

  async function answer(step, invocation) {
    try {
      loadEnvironment();
      return await run(step ?? definition(file, kind, await evaluating(load)), file, invocation);
    } catch (error) {
      throw toFailure(error);
    }
  }

  return { config, handle };
}

/** @param {import('./failure.js').Failure} [failure] */
function report(failure) {
  const reads = removeTaps();
  const error = failure ? { name: failure.name, message: failure.message, stack: failure.stack ?? null } : null;
  console.log(REPORT + JSON.stringify({ reads, error }));
}
