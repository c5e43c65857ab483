const KEY = 'motia.query.history'
const KEPT = 50

export interface Asked {
  sql: string
  at: number
}

/** The queries that were run in this browser, newest first. */
export function readHistory(): Asked[] {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(KEY) ?? '[]')
    return Array.isArray(kept) ? kept.filter((asked) => typeof asked?.sql === 'string' && typeof asked.at === 'number') : []
  } catch {
    return []
  }
}

/** Puts a query first; the same text is there once. */
export function remember(sql: string): Asked[] {
  const text = sql.trim()
  const history = [{ sql: text, at: Date.now() }, ...readHistory().filter((asked) => asked.sql !== text)].slice(0, KEPT)
  write(history)
  return history
}

export function forgetAll(): Asked[] {
  write([])
  return []
}

function write(history: Asked[]) {
  try {
    localStorage.setItem(KEY, JSON.stringify(history))
  } catch {
    // A browser that keeps nothing has no history.
  }
}
