// Zod 4 and Zod Mini.

import { toJSONSchema } from 'zod/v4/core';

const OPTIONS = {
  target: 'draft-7',
  // The schema checks what comes in, before defaults and transformations.
  io: 'input',
  unrepresentable: 'any',
  override({ zodSchema, jsonSchema }) {
    // A coerced value may come in as anything; the schema's own type is what goes out.
    if (!zodSchema._zod.def.coerce) return;
    for (const key of Object.keys(jsonSchema)) if (key !== 'description') delete jsonSchema[key];
  },
};

/** The project's own version knows its schemas best; Zod Mini's have no such method. */
export const toJsonSchema = (schema) =>
  typeof schema.toJSONSchema === 'function' ? schema.toJSONSchema(OPTIONS) : toJSONSchema(schema, OPTIONS);
