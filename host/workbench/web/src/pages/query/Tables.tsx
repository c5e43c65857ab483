import { useState } from 'react'

import type { QuerySchema } from '../../api/types.ts'
import { IconButton } from '../../ui/index.ts'
import styles from './query.module.css'

/** The tables that can be asked, with their columns. */
export function Tables({ schema, onChoose }: { schema: QuerySchema; onChoose: (sql: string) => void }) {
  const [isOpen, setOpen] = useState(true)
  if (!isOpen) {
    return (
      <div className={styles.closed}>
        <IconButton icon="chevronRight" label="Show the tables" size="small" onClick={() => setOpen(true)} />
      </div>
    )
  }
  return (
    <nav className={styles.tables} aria-label="Tables">
      <header>
        <h2>Tables</h2>
        <IconButton icon="chevronLeft" label="Hide the tables" size="small" onClick={() => setOpen(false)} />
      </header>
      {schema.tables.map((table) => (
        <details key={table.name}>
          <summary title={table.description}>{table.name}</summary>
          <p>{table.description}</p>
          <ul>
            {table.columns.map((column) => (
              <li key={column.name}>
                <span>{column.name}</span>
                <small>{column.type.toLowerCase()}</small>
              </li>
            ))}
          </ul>
          <button type="button" onClick={() => onChoose(`SELECT * FROM ${quoted(table.name)} LIMIT 100`)}>
            Show 100 rows
          </button>
        </details>
      ))}
    </nav>
  )
}

const quoted = (name: string) => (/^[a-z_]\w*$/i.test(name) ? name : `"${name.replaceAll('"', '""')}"`)
