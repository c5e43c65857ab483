import { lazy, Suspense } from 'react'

import type { JsonSchema } from '../api/types.ts'
import { classes } from './classes.ts'
import styles from './Code.module.css'

const LazyEditor = lazy(() => import('./code/Editor.tsx'))

export type CodeLanguage = 'json' | 'sql' | 'typescript' | 'javascript' | 'python' | 'rust' | 'text'

export interface CodeViewProps {
  code: string
  language: CodeLanguage
  label?: string
  /** Without a frame, to the edges of its parent. */
  plain?: boolean
}

/** Code to read. */
export function CodeView({ code, language, label = 'Code', plain }: CodeViewProps) {
  return (
    <div className={classes(styles.code, plain && styles.plain)}>
      <Suspense fallback={<pre className={styles.waiting}>{code}</pre>}>
        <LazyEditor label={label} language={language} readOnly value={code} />
      </Suspense>
    </div>
  )
}

export interface CodeEditorProps {
  value: string
  onChange: (value: string) => void
  language: 'json' | 'sql'
  /** For `json`: completes names and values, and marks what does not fit. */
  schema?: JsonSchema | null
  /** For `sql`: the columns of each table. */
  tables?: Record<string, string[]>
  /** Ctrl or Cmd with Enter. */
  onSubmit?: () => void
  label: string
  /** In pixels. */
  minHeight?: number
}

/** Code to write. */
export function CodeEditor({ minHeight = 120, value, ...rest }: CodeEditorProps) {
  return (
    <div className={classes(styles.code, styles.editor)} style={{ minHeight }}>
      <Suspense fallback={<pre className={styles.waiting}>{value}</pre>}>
        <LazyEditor minHeight={minHeight} value={value} {...rest} />
      </Suspense>
    </div>
  )
}
