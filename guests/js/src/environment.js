// `process.env`: the running tenant's variables.
//
// A snapshot is shared by all invocations and stored as an artifact, so no value may be in it: the
// variables are fetched at the start of each invocation, and reads before that are told to
// whoever listens.

import { getEnvironment } from 'wasi:cli/environment@0.2.0';

/** Set by the build while it reads the configuration of a step that insists on its variables. */
const PLACEHOLDERS = 'MOTIA_CONFIG_PLACEHOLDERS';

/** The generated bindings look this up on each host call; it is not the step's doing. */
const OF_THE_BINDINGS = 'JCO_DEBUG';

const variables = {};
const assigned = new Set();
let placeholders = false;
/** @type {((name: string | null) => void) | null} */
let listener = null;

const isVariable = (name) =>
  typeof name === 'string' && name !== OF_THE_BINDINGS && (Object.hasOwn(variables, name) || !(name in Object.prototype));

/** What steps know as `process.env`. */
export const env = new Proxy(variables, {
  get(target, name) {
    if (!isVariable(name)) return name === OF_THE_BINDINGS ? undefined : Reflect.get(target, name);
    if (assigned.has(name)) return target[name];
    listener?.(name);
    if (Object.hasOwn(target, name)) return target[name];
    return placeholders ? `motia-placeholder-${name}` : undefined;
  },
  has(target, name) {
    if (isVariable(name) && !assigned.has(name)) listener?.(name);
    return Reflect.has(target, name);
  },
  ownKeys(target) {
    listener?.(null);
    return Reflect.ownKeys(target);
  },
  getOwnPropertyDescriptor(target, name) {
    if (isVariable(name) && !assigned.has(name)) listener?.(name);
    return Reflect.getOwnPropertyDescriptor(target, name);
  },
  set(target, name, value) {
    assigned.add(name);
    target[name] = String(value);
    return true;
  },
  defineProperty(target, name, descriptor) {
    assigned.add(name);
    return Reflect.defineProperty(target, name, { ...descriptor, configurable: true });
  },
  deleteProperty(target, name) {
    assigned.add(name);
    return Reflect.deleteProperty(target, name);
  },
});

/**
 * Tells of reads: the variable's name, or null where all of them were looked at.
 * @param {((name: string | null) => void) | null} next
 */
export function onRead(next) {
  listener = next;
}

/** Fetches the variables of this invocation. What the step itself assigned stays. */
export function loadEnvironment() {
  if (!assigned.has('NODE_ENV')) variables.NODE_ENV = 'production';
  const given = getEnvironment();
  for (let i = 0; i < given.length; i++) {
    const name = given[i][0];
    const value = given[i][1];
    if (name === PLACEHOLDERS) placeholders = value === '1';
    else if (!assigned.has(name)) variables[name] = value;
  }
}
