// Injected by the bundler into modules that use `Buffer` without an import.

export { Buffer } from './buffer.js';
