// Zod 3.

import { ignoreOverride, zodToJsonSchema } from 'zod-to-json-schema';

const OPTIONS = {
  target: 'jsonSchema7',
  // Zod ignores unknown fields unless the schema is strict, so the JSON Schema must allow them.
  removeAdditionalStrategy: 'strict',
  override(def) {
    // What comes in before a coercion or `preprocess` may be anything.
    return def.coerce || def.effect?.type === 'preprocess' ? {} : ignoreOverride;
  },
};

export const toJsonSchema = (schema) => zodToJsonSchema(schema, OPTIONS);
