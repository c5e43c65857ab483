import type { DeadLetter } from '../../api/types.ts'

/** Letters that failed for what looks like the same reason. */
export interface LetterGroup {
  /** Stays the same while letters come and go. */
  id: string
  step: string
  code: string
  pattern: string
  letters: DeadLetter[]
  newestAt: number
}

/** What differs between errors of one kind: ids, numbers, quoted texts. */
const VARYING: [RegExp, string][] = [
  [/\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/gi, '…'],
  [/\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?/g, '…'],
  [/"[^"\n]*"/g, '"…"'],
  [/'[^'\n]*'/g, "'…'"],
  [/`[^`\n]*`/g, '`…`'],
  [/\b(?=\w*\d)\w{8,}\b/g, '…'],
  [/\d+(?:[.,]\d+)*/g, '#'],
]

/** A message without what varies, of its first line. */
export function patternOf(message: string): string {
  const line = message.split('\n', 1)[0]!.trim()
  const pattern = VARYING.reduce((text, [varying, mark]) => text.replace(varying, mark), line)
  return pattern.length > 200 ? `${pattern.slice(0, 200)}…` : pattern
}

/** The error for which a letter was given up. */
export const reasonOf = (letter: DeadLetter) => letter.errors.at(-1)

/** The groups, the one with the newest letter first. */
export function groupLetters(letters: DeadLetter[]): LetterGroup[] {
  const groups = new Map<string, LetterGroup>()
  for (const letter of letters) {
    const error = reasonOf(letter)
    const code = error?.code ?? 'unknown'
    const pattern = patternOf(error?.message ?? '')
    const id = JSON.stringify([letter.step, code, pattern])
    const group = groups.get(id)
    if (group) {
      group.letters.push(letter)
      group.newestAt = Math.max(group.newestAt, letter.diedAt)
    } else {
      groups.set(id, { id, step: letter.step, code, pattern, letters: [letter], newestAt: letter.diedAt })
    }
  }
  return [...groups.values()].sort((one, other) => other.newestAt - one.newestAt)
}
