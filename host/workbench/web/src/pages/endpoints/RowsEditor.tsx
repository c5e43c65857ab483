import { Checkbox, IconButton, TextInput } from '../../ui/index.ts'
import styles from './endpoints.module.css'
import type { Row } from './request.ts'

interface RowsEditorProps {
  rows: Row[]
  onChange: (rows: Row[]) => void
  /** What a row is, such as `header`. */
  what: string
  /** What is said about rows with a declared name. */
  hints?: Record<string, string>
  suggestions?: string[]
}

/** Names and values; there is always an empty row to go on with. */
export function RowsEditor({ rows, onChange, what, hints = {}, suggestions }: RowsEditorProps) {
  const shown = [...rows, { name: '', value: '', on: true }]
  const change = (index: number, change: Partial<Row>) => {
    const changed = shown.map((row, at) => (at === index ? { ...row, ...change } : row))
    onChange(changed.filter((row, at) => at < rows.length || row.name !== '' || row.value !== ''))
  }
  return (
    <div className={styles.rows}>
      {suggestions && (
        <datalist id={`names-of-${what}`}>
          {suggestions.map((name) => (
            <option key={name} value={name} />
          ))}
        </datalist>
      )}
      {shown.map((row, index) => {
        const isNew = index === rows.length
        const number = index + 1
        return (
          <div className={styles.row} key={index}>
            <Checkbox checked={row.on && !isNew} disabled={isNew} hideLabel label={`Send ${what} ${number}`} onChange={(on) => change(index, { on })} />
            <TextInput
              className={styles.mono}
              label={`Name of ${what} ${number}`}
              list={suggestions && `names-of-${what}`}
              onChange={(name) => change(index, { name })}
              placeholder="Name"
              value={row.name}
            />
            <TextInput
              className={styles.mono}
              label={`Value of ${what} ${number}`}
              onChange={(value) => change(index, { value, on: true })}
              placeholder={hints[row.name] ?? 'Value'}
              value={row.value}
            />
            {isNew ? <span /> : <IconButton icon="close" label={`Remove ${what} ${number}`} onClick={() => onChange(rows.filter((_, at) => at !== index))} size="small" />}
          </div>
        )
      })}
    </div>
  )
}
