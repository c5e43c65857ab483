// Values that leave the step as JSON text.

/**
 * @param {unknown} value `undefined` is sent as null
 * @param {string} what names the value in the error, for example `emit: data`
 * @returns {string}
 * @throws {TypeError} where JSON has no form for the value
 */
export function toJson(value, what) {
  if (value === undefined) return 'null';
  let text;
  try {
    text = JSON.stringify(value);
  } catch (error) {
    throw new TypeError(`${what} cannot be sent as JSON: ${error.message}`, { cause: error });
  }
  if (text === undefined) throw new TypeError(`${what} cannot be sent as JSON: it is a ${typeof value}`);
  return text;
}

/**
 * @param {string | null | undefined} text
 * @returns {any} null where there is no value
 */
export function fromJson(text) {
  return text === null || text === undefined ? null : JSON.parse(text);
}

/**
 * Sets a field whatever its name is: an assignment to `__proto__` would change the object instead.
 * @param {object} target
 * @param {string} name
 * @param {unknown} value
 */
export function setField(target, name, value) {
  if (name !== '__proto__') target[name] = value;
  else Object.defineProperty(target, name, { value, writable: true, enumerable: true, configurable: true });
}
