// Node's `events`.

export { default, EventEmitter, once } from 'node-events';
