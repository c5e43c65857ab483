/** Readers for the parameters of URLs; what is wrong counts as absent. Each page's `search.ts` is made of them. */

type Read = unknown

export function text(value: Read): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

export function oneOf<T extends string>(value: Read, options: readonly T[]): T | undefined {
  return options.find((option) => option === value)
}

/** `?roots=true`. */
export function flag(value: Read): true | undefined {
  return value === 'true' || value === true ? true : undefined
}

export function whole(value: Read): number | undefined {
  const number = typeof value === 'number' ? value : typeof value === 'string' && value !== '' ? Number(value) : NaN
  return Number.isSafeInteger(number) && number >= 0 ? number : undefined
}

/** The parameters of a URL as texts; no JSON, so that people can read and write them. */
export function parseSearch(search: string): Record<string, string> {
  return Object.fromEntries(new URLSearchParams(search))
}

export function stringifySearch(search: Record<string, unknown>): string {
  const parameters = new URLSearchParams()
  for (const [name, value] of Object.entries(search)) {
    if (value !== undefined && value !== null && value !== '') parameters.set(name, String(value))
  }
  const written = parameters.toString()
  return written ? `?${written}` : ''
}
