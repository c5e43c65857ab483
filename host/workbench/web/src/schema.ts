import type { Json, JsonObject, JsonSchema } from './api/types.ts'

/** Small parts of JSON Schema: enough for forms, examples and hints. Whether a request is right, the host decides. */

const DEEPEST = 8

/** A schema with its `$ref` followed and its `allOf` merged; of alternatives the first that is not null. */
export function resolved(schema: JsonSchema, root: JsonSchema, depth = 0): JsonSchema {
  if (depth > DEEPEST) return {}
  if (schema.$ref) {
    const target = pointed(schema.$ref, root)
    return target ? resolved(target, root, depth + 1) : {}
  }
  const choice = (schema.anyOf ?? schema.oneOf)?.find((option) => option.type !== 'null')
  if (choice) {
    const { anyOf: _any, oneOf: _one, ...rest } = schema
    return { ...resolved(choice, root, depth + 1), ...rest }
  }
  if (!schema.allOf) return schema
  const { allOf, ...rest } = schema
  return allOf.reduce<JsonSchema>((merged, part) => {
    const other = resolved(part, root, depth + 1)
    return {
      ...merged,
      ...other,
      properties: { ...merged.properties, ...other.properties },
      required: [...(merged.required ?? []), ...(other.required ?? [])],
    }
  }, rest)
}

function pointed(reference: string, root: JsonSchema): JsonSchema | undefined {
  if (!reference.startsWith('#')) return undefined
  const parts = reference.slice(1).split('/').filter(Boolean)
  let at: unknown = root
  for (const part of parts) {
    const name = decodeURIComponent(part).replaceAll('~1', '/').replaceAll('~0', '~')
    at = typeof at === 'object' && at !== null ? (at as Record<string, unknown>)[name] : undefined
  }
  return at as JsonSchema | undefined
}

/** The types that a schema names. */
export function typesOf(schema: JsonSchema): string[] {
  if (schema.type) return Array.isArray(schema.type) ? schema.type : [schema.type]
  if (schema.properties) return ['object']
  if (schema.items) return ['array']
  return []
}

/** The type that a form has a control for: the first that is not null. */
export function mainType(schema: JsonSchema): string | undefined {
  return typesOf(schema).find((type) => type !== 'null')
}

/** A value that fits, to begin with. */
export function exampleOf(schema: JsonSchema, root: JsonSchema = schema, depth = 0): Json {
  const flat = resolved(schema, root)
  const given = flat.default ?? flat.example ?? flat.examples?.[0] ?? flat.const ?? flat.enum?.[0]
  if (given !== undefined) return given
  switch (mainType(flat)) {
    case 'object':
      return depth > DEEPEST ? {} : objectExample(flat, root, depth)
    case 'array':
      return flat.items && depth < DEEPEST ? [exampleOf(flat.items, root, depth + 1)] : []
    case 'string':
      return textExample(flat.format)
    case 'integer':
    case 'number':
      return flat.minimum ?? 0
    case 'boolean':
      return false
    default:
      return null
  }
}

/** What must be there, and what has a value of its own; everything, where nothing must. */
function objectExample(schema: JsonSchema, root: JsonSchema, depth: number): JsonObject {
  const all = Object.entries(schema.properties ?? {})
  const wanted = all.filter(([name, child]) => schema.required?.includes(name) || resolved(child, root).default !== undefined)
  const entries = schema.required?.length ? wanted : all
  return Object.fromEntries(entries.map(([name, child]) => [name, exampleOf(child, root, depth + 1)]))
}

function textExample(format: string | undefined): string {
  switch (format) {
    case 'date-time':
      return '2030-01-01T12:00:00Z'
    case 'date':
      return '2030-01-01'
    case 'email':
      return 'someone@example.com'
    case 'uri':
      return 'https://example.com'
    case 'uuid':
      return '00000000-0000-4000-8000-000000000000'
    default:
      return ''
  }
}

export interface SchemaProblem {
  path: (string | number)[]
  message: string
}

/** What plainly does not fit: types, missing properties, values that are not among the allowed ones. */
export function problemsOf(value: Json, schema: JsonSchema, root: JsonSchema = schema, path: (string | number)[] = []): SchemaProblem[] {
  // With alternatives, one of them may fit: that is the host's to say.
  if (schema.anyOf ?? schema.oneOf) return []
  const flat = resolved(schema, root)
  const types = typesOf(flat)
  if (types.length > 0 && !types.some((type) => isOfType(value, type))) {
    return [{ path, message: `expected ${types.join(' or ')}` }]
  }
  if (flat.enum && !flat.enum.some((option) => JSON.stringify(option) === JSON.stringify(value))) {
    return [{ path, message: `expected one of ${flat.enum.map((option) => JSON.stringify(option)).join(', ')}` }]
  }
  if (Array.isArray(value)) {
    const { items } = flat
    return items ? value.flatMap((item, index) => problemsOf(item, items, root, [...path, index])) : []
  }
  if (typeof value !== 'object' || value === null) return []
  const missing = (flat.required ?? []).filter((name) => !(name in value))
  return [
    ...missing.map((name) => ({ path, message: `\`${name}\` is missing` })),
    ...Object.entries(flat.properties ?? {}).flatMap(([name, child]) => {
      const member = value[name]
      return member === undefined ? [] : problemsOf(member, child, root, [...path, name])
    }),
  ]
}

function isOfType(value: Json, type: string): boolean {
  switch (type) {
    case 'null':
      return value === null
    case 'array':
      return Array.isArray(value)
    case 'object':
      return typeof value === 'object' && value !== null && !Array.isArray(value)
    case 'integer':
      return typeof value === 'number' && Number.isInteger(value)
    default:
      return typeof value === type
  }
}
