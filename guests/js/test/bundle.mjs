// Bundles a step as the toolchain does; the flags are those of the README.

import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));

/** The toolchain's own installation of its packages. */
export const toolchain = join(here, '../../../toolchain/src/javascript/node');
export const nodeModules = process.env.MOTIA_NODE_MODULES ?? join(toolchain, 'node_modules');
export const requireTool = createRequire(join(nodeModules, 'any.js'));
const glue = join(here, '../src');
const esbuild = requireTool('esbuild');

const STAND_INS = ['buffer', 'crypto', 'events', 'path', 'process', 'util'];

/**
 * Writes a project with the given files.
 * @param {Record<string, string>} files
 * @returns {string} its directory
 */
export function project(files) {
  const dir = mkdtempSync(join(tmpdir(), 'motia-js-'));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(dir, name)), { recursive: true });
    writeFileSync(join(dir, name), text);
  }
  return dir;
}

/**
 * @param {string} dir the project
 * @param {{ file: string, kind?: string, load?: string, deferred?: boolean, eager?: string[] }} step
 * @param {import('esbuild').BuildOptions} [options]
 * @returns {Promise<string>} the bundle
 */
export async function bundle(dir, { file, kind = 'step', load, deferred = false, eager = [] }, options = {}) {
  const path = JSON.stringify(`./${file}`);
  const entry = `
    import { createStep } from ${JSON.stringify(join(glue, 'index.js'))};
    const step = createStep({
      file: ${JSON.stringify(file)}, kind: '${kind}', deferred: ${deferred},
      load: () => ${load === 'import' ? 'import' : 'require'}(${path}),
      eager: [${eager.map((one) => `() => require(${JSON.stringify(`./${one}`)})`)}],
    });
    export const config = step.config, handle = step.handle;`;
  const build = (zod3, zod4) => esbuild.build({
    stdin: { contents: entry, resolveDir: dir, sourcefile: 'motia-entry.js' },
    absWorkingDir: dir,
    bundle: true,
    write: false,
    metafile: true,
    format: 'esm',
    platform: 'neutral',
    target: 'es2022',
    mainFields: ['browser', 'module', 'main'],
    conditions: ['worker', 'browser', 'module'],
    charset: 'utf8',
    legalComments: 'none',
    logLevel: 'silent',
    nodePaths: [nodeModules],
    external: ['motia:step/*', 'wasi:*'],
    inject: [join(glue, 'node/buffer-global.js')],
    define: {
      MOTIA_ZOD3: String(zod3),
      MOTIA_ZOD4: String(zod4),
      'process.env.NODE_ENV': '"production"',
      'import.meta.url': '"file:///step.js"',
      __filename: '"/step.js"',
      __dirname: '"/"',
    },
    alias: {
      motia: join(glue, 'motia.js'),
      ...Object.fromEntries(STAND_INS.flatMap((name) => ['', 'node:'].map((prefix) => [prefix + name, join(glue, `node/${name}.js`)]))),
    },
    ...options,
  });
  const lean = await build(false, false);
  const imports = (pattern) => Object.keys(lean.metafile.inputs).some((path) => pattern.test(path));
  const [zod3, zod4] = [imports(/node_modules\/zod\/(v3|lib)\//), imports(/node_modules\/zod\/v4\//)];
  return (zod3 || zod4 ? await build(zod3, zod4) : lean).outputFiles[0].text;
}
