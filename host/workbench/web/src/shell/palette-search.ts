/** An entry of the command palette. */
export interface Entry {
  id: string
  title: string
  /** What it is: a page, a step, an action. */
  group: string
  hint?: string
  words?: string
}

/** The entries with all words of the query, best first; those of one group stay together. */
export function search<T extends Entry>(entries: readonly T[], query: string, most = 50): T[] {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean)
  const found = entries.flatMap((entry) => {
    const score = scoreOf(entry, words)
    return score > 0 ? [{ entry, score }] : []
  })
  if (words.length > 0) found.sort((one, other) => other.score - one.score)
  const groups = [...new Set(found.map(({ entry }) => entry.group))]
  const kept = found.slice(0, most)
  return groups.flatMap((group) => kept.filter(({ entry }) => entry.group === group).map(({ entry }) => entry))
}

function scoreOf(entry: Entry, words: string[]): number {
  const title = entry.title.toLowerCase()
  const all = `${title} ${entry.group} ${entry.hint ?? ''} ${entry.words ?? ''}`.toLowerCase()
  let score = 1
  for (const word of words) {
    if (title.startsWith(word)) score += 8
    else if (title.includes(word)) score += 4
    else if (all.includes(word)) score += 1
    else return 0
  }
  return score
}

/** What an id that was pasted may be. */
export function idsOf(query: string): { run?: string; trace?: string } {
  const text = query.trim()
  if (/^[0-9a-f]{16}$/.test(text)) return { run: text }
  if (/^[0-9a-f]{32}$/.test(text) || /^[0-9A-Z]{5}-\d+$/.test(text)) return { trace: text }
  return {}
}
