// Node's `buffer`.

import { Buffer } from 'node-buffer';

// Code that looks for `globalThis.Buffer` finds it wherever some module of the bundle needs it.
globalThis.Buffer ??= Buffer;

export { Buffer, INSPECT_MAX_BYTES, kMaxLength, SlowBuffer } from 'node-buffer';
export const { Blob, File, atob, btoa } = globalThis;
export default { Buffer, Blob, File, atob, btoa };
