// The module `motia` as steps see it at run time. Its types are in `types/index.d.ts`.

export { MotiaError, NonRetryableError, RetryAfterError } from './errors.js';

/**
 * Gives `motia.config.ts` its type; returns what it is given.
 * @template T
 * @param {T} value
 * @returns {T}
 */
export const defineConfig = (value) => value;

/** The same as `defineConfig`, under the name that older projects use. */
export const config = defineConfig;
