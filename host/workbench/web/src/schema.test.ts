import { expect, test } from 'vitest'

import type { JsonSchema } from './api/types.ts'
import { exampleOf, problemsOf } from './schema.ts'

const schema: JsonSchema = {
  type: 'object',
  required: ['email', 'items'],
  properties: {
    email: { type: 'string', format: 'email' },
    items: { type: 'array', items: { $ref: '#/$defs/item' } },
    priority: { enum: ['low', 'high'], default: 'low' },
    note: { type: 'string' },
  },
  $defs: { item: { type: 'object', required: ['quantity'], properties: { quantity: { type: 'integer', minimum: 1 } } } },
}

test('an example has what is required and what has a default, and fits', () => {
  const example = exampleOf(schema)
  expect(example).toEqual({ email: 'someone@example.com', items: [{ quantity: 1 }], priority: 'low' })
  expect(problemsOf(example, schema)).toEqual([])
})

test('problems name their place', () => {
  const problems = problemsOf({ items: [{ quantity: 'two' }], priority: 'none' }, schema)
  expect(problems.map(({ path }) => path.join('.'))).toEqual(['', 'items.0.quantity', 'priority'])
  expect(problems[0]?.message).toContain('`email`')
})

test('a schema that refers to itself ends', () => {
  const node: JsonSchema = { type: 'object', properties: { next: { $ref: '#' } } }
  expect(JSON.stringify(exampleOf(node)).length).toBeLessThan(200)
})
