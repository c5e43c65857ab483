import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap } from '@codemirror/autocomplete'
import { defaultKeymap, history, historyKeymap, indentWithTab } from '@codemirror/commands'
import { bracketMatching, foldGutter, foldKeymap, indentOnInput } from '@codemirror/language'
import { lintKeymap } from '@codemirror/lint'
import { highlightSelectionMatches, search, searchKeymap } from '@codemirror/search'
import { Compartment, EditorState, type Extension } from '@codemirror/state'
import { EditorView, highlightActiveLine, keymap, lineNumbers } from '@codemirror/view'
import { useEffect, useEffectEvent, useRef } from 'react'

import type { JsonSchema } from '../../api/types.ts'
import type { CodeLanguage } from '../Code.tsx'
import { languageSupport } from './languages.ts'
import { colors } from './theme.ts'

export interface EditorProps {
  value: string
  onChange?: (value: string) => void
  language: CodeLanguage
  schema?: JsonSchema | null
  tables?: Record<string, string[]>
  onSubmit?: () => void
  label: string
  readOnly?: boolean
  minHeight?: number
}

/** The page's nonce: the content security policy lets no other style sheet in. */
function nonce(): string {
  return document.querySelector<HTMLMetaElement>('meta[name="csp-nonce"]')?.content ?? ''
}

/** CodeMirror, with the Workbench's colours. */
export default function Editor({ value, onChange, language, schema, tables, onSubmit, label, readOnly = false, minHeight }: EditorProps) {
  const parent = useRef<HTMLDivElement>(null)
  const view = useRef<EditorView>(null)
  const languageSlot = useRef(new Compartment())
  const change = useEffectEvent((text: string) => onChange?.(text))
  const submit = useEffectEvent(() => onSubmit?.())
  const initial = useEffectEvent(() => value)

  useEffect(() => {
    const editor = new EditorView({
      parent: parent.current ?? undefined,
      state: EditorState.create({
        doc: initial(),
        extensions: [
          EditorView.cspNonce.of(nonce()),
          EditorView.contentAttributes.of({ 'aria-label': label, ...(readOnly && { tabindex: '0' }) }),
          colors(minHeight),
          languageSlot.current.of([]),
          readOnly ? readOnlyExtensions : editing(() => submit()),
          EditorView.updateListener.of((update) => {
            if (update.docChanged && !readOnly) change(update.state.doc.toString())
          }),
        ],
      }),
    })
    view.current = editor
    return () => editor.destroy()
  }, [label, readOnly, minHeight])

  useEffect(() => {
    let stale = false
    void languageSupport(language, { schema, tables, readOnly }).then((support) => {
      if (!stale) view.current?.dispatch({ effects: languageSlot.current.reconfigure(support) })
    })
    return () => {
      stale = true
    }
  }, [language, schema, tables, readOnly, label, minHeight])

  useEffect(() => {
    const editor = view.current
    if (!editor || editor.state.doc.toString() === value) return
    editor.dispatch({ changes: { from: 0, to: editor.state.doc.length, insert: value } })
  }, [value])

  return <div ref={parent} />
}

const readOnlyExtensions: Extension = [
  EditorState.readOnly.of(true),
  EditorView.editable.of(false),
  lineNumbers(),
  foldGutter(),
  EditorView.lineWrapping,
  search({ top: true }),
  keymap.of([...searchKeymap, ...foldKeymap]),
]

function editing(submit: () => void): Extension {
  const run = () => {
    submit()
    return true
  }
  return [
    lineNumbers(),
    history(),
    indentOnInput(),
    bracketMatching(),
    closeBrackets(),
    autocompletion({ icons: false }),
    highlightActiveLine(),
    highlightSelectionMatches(),
    EditorView.lineWrapping,
    keymap.of([
      { key: 'Mod-Enter', run },
      { key: 'Ctrl-Enter', run },
      ...closeBracketsKeymap,
      ...defaultKeymap,
      ...searchKeymap,
      ...historyKeymap,
      ...completionKeymap,
      ...lintKeymap,
      indentWithTab,
    ]),
  ]
}
