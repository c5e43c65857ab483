import type { Completion, CompletionContext, CompletionResult } from '@codemirror/autocomplete'
import { json, jsonLanguage, jsonParseLinter } from '@codemirror/lang-json'
import { syntaxTree } from '@codemirror/language'
import { type Diagnostic, linter, lintGutter } from '@codemirror/lint'
import type { EditorState, Extension } from '@codemirror/state'
import type { EditorView } from '@codemirror/view'
import type { SyntaxNode } from '@lezer/common'

import type { JsonSchema } from '../../api/types.ts'
import { problemsOf, resolved, typesOf } from '../../schema.ts'

/** JSON; while it is written, mistakes are marked and a schema completes it. */
export function jsonSupport(readOnly: boolean, schema: JsonSchema | null): Extension {
  if (readOnly) return json()
  const check = jsonParseLinter()
  const extensions: Extension[] = [
    json(),
    lintGutter(),
    linter((view) => {
      if (view.state.doc.toString().trim() === '') return []
      const mistakes = check(view)
      return mistakes.length > 0 || !schema ? mistakes : schemaProblems(view, schema)
    }),
  ]
  if (schema) extensions.push(jsonLanguage.data.of({ autocomplete: (context: CompletionContext) => complete(context, schema) }))
  return extensions
}

/** What does not fit the schema, at the value that it is about. */
function schemaProblems(view: EditorView, schema: JsonSchema): Diagnostic[] {
  const value = JSON.parse(view.state.doc.toString())
  return problemsOf(value, schema).map(({ path, message }) => {
    const node = nodeAt(view.state, path)
    return { from: node.from, to: node.to, severity: 'warning', message }
  })
}

function nodeAt(state: EditorState, path: (string | number)[]): SyntaxNode {
  let node = valueOf(syntaxTree(state).topNode) ?? syntaxTree(state).topNode
  for (const part of path) {
    const next = typeof part === 'number' ? items(node)[part] : valueOf(propertyOf(state, node, part))
    if (!next) break
    node = next
  }
  return node
}

const VALUES = ['Object', 'Array', 'String', 'Number', 'True', 'False', 'Null']

function items(node: SyntaxNode): SyntaxNode[] {
  return VALUES.flatMap((name) => node.getChildren(name)).sort((one, other) => one.from - other.from)
}

function valueOf(node: SyntaxNode | null | undefined): SyntaxNode | undefined {
  return node ? items(node).at(-1) : undefined
}

function propertyOf(state: EditorState, node: SyntaxNode, name: string): SyntaxNode | undefined {
  return node.getChildren('Property').find((property) => nameOf(state, property) === name)
}

function nameOf(state: EditorState, property: SyntaxNode): string | null {
  const name = property.getChild('PropertyName')
  return name ? state.sliceDoc(name.from + 1, name.to - 1) : null
}

/** The names or values that may stand at the cursor. */
function complete(context: CompletionContext, root: JsonSchema): CompletionResult | null {
  const word = context.matchBefore(/"?[\w-]*/)
  if (!context.explicit && (!word || word.from === word.to)) return null
  const from = word?.from ?? context.pos
  const node = syntaxTree(context.state).resolveInner(context.pos, -1)
  const property = ancestor(node, 'Property')
  const inName = node.name === 'PropertyName' || !property || !context.state.sliceDoc(property.from, context.pos).includes(':')
  const object = ancestor(node, 'Object')
  if (inName && object) {
    const schema = schemaOf(context.state, object, root)
    const present = new Set(object.getChildren('Property').map((child) => nameOf(context.state, child)))
    const options = Object.entries(schema?.properties ?? {})
      .filter(([name]) => !present.has(name) || node.name === 'PropertyName')
      .map(([name, child]): Completion => ({
        label: `"${name}"`,
        apply: node.name === 'PropertyName' ? `"${name}"` : `"${name}": `,
        detail: typesOf(resolved(child, root)).join(' | '),
        info: child.description,
        type: 'property',
      }))
    return { from, to: closingQuote(context, from), options, validFor: /^"?[\w-]*"?$/ }
  }
  const owner = property?.parent
  const name = property && nameOf(context.state, property)
  const schema = owner && name ? schemaOf(context.state, owner, root)?.properties?.[name] : undefined
  const values = schema ? valuesOf(resolved(schema, root)) : []
  if (values.length === 0) return null
  return { from, to: closingQuote(context, from), options: values.map((label) => ({ label, type: 'enum' })) }
}

/** Where what is replaced ends: a quote that was closed by itself goes with it. */
function closingQuote(context: CompletionContext, from: number): number {
  const opened = context.state.sliceDoc(from, from + 1) === '"'
  return opened && context.state.sliceDoc(context.pos, context.pos + 1) === '"' ? context.pos + 1 : context.pos
}

function valuesOf(schema: JsonSchema): string[] {
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value))
  if (schema.const !== undefined) return [JSON.stringify(schema.const)]
  return typesOf(schema).includes('boolean') ? ['true', 'false'] : []
}

function ancestor(node: SyntaxNode | null, name: string): SyntaxNode | null {
  let at = node
  while (at && at.name !== name) at = at.parent
  return at
}

/** The schema of an object or an array of the text. */
function schemaOf(state: EditorState, node: SyntaxNode, root: JsonSchema): JsonSchema | undefined {
  const parent = node.parent
  if (parent?.name === 'Property' && parent.parent) {
    const name = nameOf(state, parent)
    const owner = schemaOf(state, parent.parent, root)
    const child = name ? owner?.properties?.[name] : undefined
    return child && resolved(child, root)
  }
  if (parent?.name === 'Array') {
    const owner = schemaOf(state, parent, root)
    return owner?.items && resolved(owner.items, root)
  }
  return resolved(root, root)
}
