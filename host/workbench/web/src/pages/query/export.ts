/** What a query has found. */
export interface Table {
  columns: string[]
  rows: unknown[][]
}

const NUMBER = /^-?\d+(\.\d+)?(e[+-]?\d+)?$/i

function field(value: unknown): string {
  if (value === null || value === undefined) return ''
  const text = typeof value === 'object' ? JSON.stringify(value) : String(value)
  // Spreadsheets run what begins like this as a formula.
  const safe = /^[=+\-@\t\r]/.test(text) && !NUMBER.test(text) ? `'${text}` : text
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}

/** A table as RFC 4180 has it. */
export function toCsv(table: Table): string {
  return [table.columns, ...table.rows].map((row) => row.map(field).join(',')).join('\r\n') + '\r\n'
}

/** The rows as objects. Columns of the same name are told apart by their number. */
export function toJson(table: Table): string {
  const names = table.columns.map((name, index) => (table.columns.indexOf(name) === index ? name : `${name}_${index + 1}`))
  return JSON.stringify(
    table.rows.map((row) => Object.fromEntries(names.map((name, index) => [name, row[index]]))),
    null,
    2,
  )
}

/** Lets the browser save a text as a file. */
export function download(name: string, type: string, text: string) {
  const url = URL.createObjectURL(new Blob([text], { type }))
  const link = document.createElement('a')
  link.href = url
  link.download = name
  link.click()
  setTimeout(() => URL.revokeObjectURL(url), 1000)
}
