import type { Json } from '../../api/types.ts'

export const jsonText = (value: Json): string => JSON.stringify(value, null, 2)

/** What a text stands for, or what is wrong with it. */
export function parseJson(text: string): { value: Json; wrong?: undefined } | { value?: undefined; wrong: string } {
  try {
    return { value: JSON.parse(text) as Json }
  } catch (error) {
    return { wrong: text.trim() === '' ? 'expected a JSON value' : (error as Error).message }
  }
}

/** The beginning of a value, for lists. */
export function preview(value: Json): string {
  const text = JSON.stringify(value)
  return text.length > 300 ? `${text.slice(0, 300)}…` : text
}
