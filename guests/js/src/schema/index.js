// From the schemas that steps declare to JSON Schema (draft 7).
//
// The converters of Zod are larger than all the rest of the glue. Where a step imports nothing of
// Zod 3 or Zod 4, the bundler defines `MOTIA_ZOD3` or `MOTIA_ZOD4` as false, and the converter is not
// in the bundle. Otherwise it is evaluated only when a schema needs it.

const isObject = (value) => value !== null && (typeof value === 'object' || typeof value === 'function');

/** Whether a value is a schema of a library, as opposed to a JSON Schema or other data. */
export function isLibrarySchema(value) {
  return isObject(value) && Boolean(value._zod?.def || value._def?.typeName || value['~standard']);
}

/**
 * @param schema a schema for which `isLibrarySchema` holds
 * @param {string} path names the schema in errors, for example `bodySchema`
 * @returns {object}
 */
export function toJsonSchema(schema, path) {
  try {
    return convert(schema);
  } catch (error) {
    throw new TypeError(`\`${path}\` cannot be turned into JSON Schema: ${error.message}`, { cause: error });
  }
}

function convert(schema) {
  if (typeof MOTIA_ZOD4 === 'undefined' || MOTIA_ZOD4) {
    if (schema._zod?.def) return require('./zod4.js').toJsonSchema(schema);
  }
  if (typeof MOTIA_ZOD3 === 'undefined' || MOTIA_ZOD3) {
    if (schema._def?.typeName) return require('./zod3.js').toJsonSchema(schema);
  }
  const standard = schema['~standard'] ?? {};
  if (typeof standard.jsonSchema?.input === 'function') return standard.jsonSchema.input({ target: 'draft-07' });
  for (const method of ['toJSONSchema', 'toJsonSchema', 'toJSON']) {
    if (typeof schema[method] === 'function') return schema[method]();
  }
  throw new TypeError(`schemas of ${standard.vendor ?? 'this library'} do not offer it; write the JSON Schema itself, or use zod`);
}
