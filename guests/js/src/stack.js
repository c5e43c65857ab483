// The engine's stack traces: one frame a line, `function@file:line:column`, innermost first.
//
// The bundler wraps each module that is evaluated on demand in a function with the module's path
// as its name, called by a helper of its own (`__init` or `__require`). The engine names inner
// functions after the outer ones, joined by slashes, and nameless ones end in `<`.

/** Endless recursion fills the engine's limit with one line. */
const MAX_FRAMES = 50;

const FRAME = /^(.*)@([^@]*?)(?::(\d+):(\d+))?$/;
const WRAPPER_CALL = /^__(init|require)\d*$/;

/** The step's bundle, whatever directory the engine saw it in. */
const isBundle = (file) => /(^|\/)step\.js$/.test(file);

/** @param {string | undefined} stack */
function frames(stack) {
  return String(stack ?? '')
    .split('\n')
    .flatMap((line) => {
      const match = FRAME.exec(line);
      if (!match) return [];
      const [, name, file, lineNumber, column] = match;
      return [{ name: name.replace(/^async\*/, ''), file, line: lineNumber, column }];
    });
}

const isModule = (all, index) => WRAPPER_CALL.test(all[index + 1]?.name ?? '') && !WRAPPER_CALL.test(all[index].name);

/**
 * The module whose top level is running, as the bundler names it, or null.
 * @param {string | undefined} stack
 */
export function evaluatingModule(stack) {
  const all = frames(stack);
  return all.find((_, index) => isModule(all, index))?.name ?? null;
}

/**
 * The stack in the form `    at function (step.js:line:column)`, to which the host applies the
 * source map. Frames outside of the bundle say nothing to the step's author and are left out.
 * @param {unknown} stack
 */
export function normaliseStack(stack) {
  if (typeof stack !== 'string') return '';
  const own = stack.split('\n').filter((line) => /^\s+at /.test(line));
  if (own.length > 0) return own.join('\n');
  const all = frames(stack);
  return all
    .map((frame, index) => ({ ...frame, module: isModule(all, index) }))
    .filter((frame) => isBundle(frame.file) && frame.line && !WRAPPER_CALL.test(frame.name))
    .slice(0, MAX_FRAMES)
    .map((frame) => `    at ${frame.module ? '<module>' : shortName(frame.name)} (step.js:${frame.line}:${frame.column})`)
    .join('\n');
}

/** @param {string} name */
function shortName(name) {
  const last = name.split('/').at(-1).replace(/<$/, '');
  return last === '' ? '<anonymous>' : last;
}
