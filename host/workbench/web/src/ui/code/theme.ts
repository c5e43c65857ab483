import { HighlightStyle, syntaxHighlighting } from '@codemirror/language'
import type { Extension } from '@codemirror/state'
import { EditorView } from '@codemirror/view'
import { tags } from '@lezer/highlight'

const highlight = HighlightStyle.define([
  { tag: [tags.keyword, tags.bool, tags.null, tags.self, tags.modifier], color: 'var(--code-keyword)' },
  { tag: [tags.string, tags.special(tags.string), tags.regexp], color: 'var(--code-string)' },
  { tag: [tags.number, tags.literal], color: 'var(--code-number)' },
  { tag: [tags.comment, tags.meta], color: 'var(--code-comment)' },
  { tag: [tags.propertyName, tags.function(tags.variableName), tags.attributeName], color: 'var(--code-name)' },
  { tag: [tags.typeName, tags.className, tags.namespace, tags.macroName], color: 'var(--code-type)' },
])

/** How code looks; the tokens make it light or dark. */
export function colors(minHeight?: number): Extension {
  return [
    EditorView.theme({
      '&': { backgroundColor: 'transparent', color: 'var(--text)', maxHeight: '100%' },
      '&.cm-focused': { outline: 'none' },
      '.cm-scroller': { fontFamily: 'var(--mono)', fontSize: '12px', lineHeight: '1.6', minHeight: minHeight ? `${minHeight}px` : '0' },
      '.cm-content': { padding: '8px 0', caretColor: 'var(--text)' },
      '.cm-gutters': { backgroundColor: 'transparent', border: '0', color: 'var(--text-3)' },
      '.cm-lineNumbers .cm-gutterElement': { padding: '0 4px 0 12px', minWidth: '32px' },
      '.cm-activeLine': { backgroundColor: 'var(--hover)' },
      '.cm-cursor': { borderLeftColor: 'var(--text)' },
      '&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground': {
        backgroundColor: 'color-mix(in srgb, var(--accent) 28%, transparent)',
      },
      '.cm-matchingBracket': { backgroundColor: 'var(--active)' },
      '.cm-foldPlaceholder': { backgroundColor: 'var(--surface-3)', border: '0', color: 'var(--text-2)', padding: '0 4px' },
      '.cm-tooltip': {
        backgroundColor: 'var(--surface)',
        border: '1px solid var(--border-strong)',
        borderRadius: '7px',
        boxShadow: 'var(--shadow-m)',
        overflow: 'hidden',
      },
      '.cm-tooltip-autocomplete ul li[aria-selected]': { backgroundColor: 'var(--accent)', color: 'var(--on-accent)' },
      '.cm-panels': { backgroundColor: 'var(--surface-2)', color: 'var(--text)', borderColor: 'var(--border)' },
      '.cm-textfield': { backgroundColor: 'var(--surface)', border: '1px solid var(--border-strong)', borderRadius: '5px' },
      '.cm-button': { backgroundImage: 'none', backgroundColor: 'var(--surface)', border: '1px solid var(--border-strong)' },
    }),
    syntaxHighlighting(highlight),
  ]
}
