// Prepares the JavaScript engine for the world `step`, once per toolchain version.
//
// usage: node splice.mjs OUT_DIR WIT_DIR
//
// componentize-js splices the world's bindings into its engine and hands the result to wizer,
// which evaluates the source and takes the snapshot. Splicing depends on the world alone, so we
// let componentize-js do that much, catch what it hands to wizer, and take each step's snapshot
// ourselves. The seam is the public option `wizerBin`: it names this script in its second role.
//
// OUT_DIR then holds
//   in.wasm           the engine with the bindings of the world
//   initializer.js    the JavaScript side of the bindings, evaluated before the step
//   environment.json  the variables that `componentize.wizer` reads
//   adapter.wasm      the adapter from WASI preview 1 for the component's encoding

import { copyFile, mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** What the engine reads of its environment; anything else would make the output depend on the machine. */
const ENGINE_VARIABLE = /^(EXPORT|IMPORT)(_CNT|\d+_[A-Z]+)$|^(SOURCE_NAME|FEATURE_CLOCKS|DEBUG)$/;

/** The name under which every step is evaluated; the bindings are tied to it. */
const SOURCE_NAME = 'step.js';

/** The exports are all that componentize-js reads of the source before it calls wizer. */
const SOURCE = 'export function config() {}\nexport function handle() {}\n';

const CAPTURED = ['in.wasm', 'initializer.js', 'environment.json'];

/** componentize-js takes any non-zero status for a failure and stops, which is what we want. */
const CAPTURE_DONE = 64;

/**
 * The stand-in for wizer: keeps what it was handed and ends.
 * @param {string} outDir
 * @param {string[]} args wizer's own arguments; the input comes last
 */
async function capture(outDir, args) {
  const sources = args.find((arg) => arg.startsWith('--dir='))?.slice('--dir='.length);
  const engine = args.at(-1);
  if (!sources || !engine) throw new Error(`componentize-js called wizer in an unknown way: ${args.join(' ')}`);

  const environment = Object.fromEntries(
    Object.entries(process.env)
      .filter(([name]) => ENGINE_VARIABLE.test(name))
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );
  await copyFile(engine, join(outDir, 'in.wasm'));
  await copyFile(join(sources, 'initializer.js'), join(outDir, 'initializer.js'));
  await writeFile(join(outDir, 'environment.json'), `${JSON.stringify(environment, null, 2)}\n`);
  process.exit(CAPTURE_DONE);
}

/** Quotes for sh, so that a path with spaces survives. */
const quote = (text) => `'${text.replaceAll("'", `'\\''`)}'`;

/**
 * @param {string} outDir
 * @param {string} witDir
 */
async function splice(outDir, witDir) {
  const [{ componentize }, { preview1AdapterReactorPath }] = await Promise.all([
    import('@bytecodealliance/componentize-js'),
    import('@bytecodealliance/jco'),
  ]);
  await mkdir(outDir, { recursive: true });
  await Promise.all(CAPTURED.map((name) => rm(join(outDir, name), { force: true })));

  const scratch = await mkdtemp(join(tmpdir(), 'motia-splice-'));
  try {
    const sourcePath = join(scratch, SOURCE_NAME);
    await writeFile(sourcePath, SOURCE);
    const standIn = join(scratch, 'wizer');
    const command = [process.execPath, fileURLToPath(import.meta.url), '--capture', outDir].map(quote).join(' ');
    await writeFile(standIn, `#!/bin/sh\nexec ${command} "$@"\n`, { mode: 0o755 });

    // `fetch-event` would make the component an HTTP server of its own; the rest gives steps
    // console, fetch, timers and randomness.
    const stopped = await componentize({
      sourcePath,
      sourceName: SOURCE_NAME,
      witPath: witDir,
      worldName: 'step',
      disableFeatures: ['fetch-event'],
      wizerBin: standIn,
    }).then(
      () => new Error('componentize-js did not call wizer'),
      (error) => error,
    );
    for (const name of CAPTURED) {
      const kept = await stat(join(outDir, name)).catch(() => null);
      if (!kept?.size) throw new Error(`${name} was not captured: ${stopped.message}`, { cause: stopped });
    }
    await copyFile(preview1AdapterReactorPath(), join(outDir, 'adapter.wasm'));
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

const [first, second, ...rest] = process.argv.slice(2);
if (first === '--capture') {
  await capture(second, rest);
} else if (first && second && rest.length === 0) {
  await splice(resolve(first), resolve(second));
} else {
  console.error(`usage: node ${basename(process.argv[1])} OUT_DIR WIT_DIR`);
  process.exit(2);
}
