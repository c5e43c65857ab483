import type { Extension } from '@codemirror/state'

import type { JsonSchema } from '../../api/types.ts'
import type { CodeLanguage } from '../Code.tsx'

export interface LanguageOptions {
  schema?: JsonSchema | null
  tables?: Record<string, string[]>
  readOnly: boolean
}

/** A language's grammar, loaded when it is first needed. */
export async function languageSupport(language: CodeLanguage, { schema, tables, readOnly }: LanguageOptions): Promise<Extension> {
  switch (language) {
    case 'json': {
      const { jsonSupport } = await import('./json.ts')
      return jsonSupport(readOnly, schema ?? null)
    }
    case 'sql': {
      const { sql, SQLite } = await import('@codemirror/lang-sql')
      return sql({ dialect: SQLite, schema: tables, upperCaseKeywords: true })
    }
    case 'typescript':
    case 'javascript': {
      const { javascript } = await import('@codemirror/lang-javascript')
      return javascript({ typescript: language === 'typescript' })
    }
    case 'python': {
      const { python } = await import('@codemirror/lang-python')
      return python()
    }
    case 'rust': {
      const { rust } = await import('@codemirror/lang-rust')
      return rust()
    }
    default:
      return []
  }
}
