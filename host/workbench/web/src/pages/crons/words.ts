const MONTHS = ['January', 'February', 'March', 'April', 'May', 'June', 'July', 'August', 'September', 'October', 'November', 'December']
const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday']

const NICKNAMES: Record<string, string> = {
  '@yearly': '0 0 1 1 *',
  '@annually': '0 0 1 1 *',
  '@monthly': '0 0 1 * *',
  '@weekly': '0 0 * * 0',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@hourly': '0 * * * *',
}

const isNumber = (field: string) => /^\d+$/.test(field)
const isAny = (field: string) => field === '*' || field === '?'
const two = (number: string) => number.padStart(2, '0')
const ordinal = (day: string) => {
  const ending = /1[1-3]$/.test(day) ? 'th' : (['th', 'st', 'nd', 'rd'][Number(day.at(-1))] ?? 'th')
  return `${Number(day)}${ending}`
}

function listed(words: string[]): string {
  return words.length < 2 ? (words[0] ?? '') : `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`
}

/** A name of a list, of which `first` is the number of the first: `MON`, `1`. */
function named(names: string[], first: number) {
  return (word: string): string | undefined =>
    isNumber(word) ? names[Number(word) - first] : names.find((name) => name.slice(0, 3).toLowerCase() === word.toLowerCase())
}

/** Lists and ranges of what `name` knows; undefined for steps, `L`, `W`, `#` and what else there is. */
function spans(field: string, name: (word: string) => string | undefined): string | undefined {
  const words: string[] = []
  for (const part of field.split(',')) {
    const ends = part.split('-').map(name)
    if (ends.length > 2 || ends.some((end) => end === undefined)) return undefined
    words.push(ends.length === 2 ? `${ends[0]} to ${ends[1]}` : ends[0]!)
  }
  return listed(words)
}

const evenly = (field: string) => /^\*\/([1-9]\d*)$/.exec(field)?.[1]
const every = (count: string, unit: string) => (count === '1' ? `every ${unit}` : `every ${count} ${unit}s`)

function timeWords(second: string, minute: string, hour: string): string | undefined {
  const atSecond = second === '0' || second === '00' ? '' : isNumber(second) ? ` at second ${Number(second)}` : undefined
  if (atSecond === undefined) {
    const count = second === '*' ? '1' : evenly(second)
    return count && isAny(minute) && isAny(hour) ? every(count, 'second') : undefined
  }
  if (isNumber(minute) && hour.split(',').every(isNumber)) {
    const end = second.length && atSecond ? `:${two(second)}` : ''
    return `at ${listed(hour.split(',').map((each) => `${two(each)}:${two(minute)}${end}`))}`
  }
  const minutes = minute === '*' ? '1' : evenly(minute)
  const hours = spans(hour, (word) => (isNumber(word) ? two(word) : undefined))
  if (minutes) {
    const words = every(minutes, 'minute') + atSecond
    if (isAny(hour)) return words
    return hours && `${words} in the hours ${hours}`
  }
  const past = spans(minute, (word) => (isNumber(word) ? String(Number(word)) : undefined))
  if (!past) return undefined
  const count = isAny(hour) ? '1' : evenly(hour)
  const which = count ? every(count, 'hour') : hours && `the hours ${hours}`
  if (!which) return undefined
  if (past === '0' && count) return which + atSecond
  return `${count ? which : `in ${which}`} at minute ${past}${atSecond}`
}

function dayWords(day: string, month: string, weekday: string): string | undefined {
  const words: string[] = []
  const weekdays = isAny(weekday) ? '' : /^(1-5|mon-fri)$/i.test(weekday) ? 'working days' : spans(weekday, named(DAYS, 0))
  const days = isAny(day) ? '' : /^l$/i.test(day) ? 'the last day' : spans(day, (word) => (isNumber(word) ? `the ${ordinal(word)}` : undefined))
  const months = isAny(month) ? '' : spans(month, named(MONTHS, 1))
  if (weekdays === undefined || days === undefined || months === undefined) return undefined
  // As cron has it: with both a day of the month and one of the week, either is enough.
  if (days && weekdays) words.push(`on ${days} of the month or on ${weekdays}`)
  else if (days) words.push(months ? `on ${days}` : `on ${days} of the month`)
  else if (weekdays) words.push(`on ${weekdays}`)
  if (months) words.push(days && !weekdays ? `of ${months}` : `in ${months}`)
  return words.join(' ')
}

/** A schedule as people say it, such as `at 02:30 on working days`; null for one that has no plain words. */
export function cronWords(expression: string): string | null {
  const plain = NICKNAMES[expression.trim().toLowerCase()] ?? expression.trim()
  const fields = plain.split(/\s+/)
  if (fields.length === 5) fields.unshift('0')
  if (fields.length !== 6) return null
  const [second, minute, hour, day, month, weekday] = fields as [string, string, string, string, string, string]
  const time = timeWords(second, minute, hour)
  const days = dayWords(day, month, weekday)
  if (time === undefined || days === undefined) return null
  const daily = !days && time.startsWith('at ') ? 'every day ' : ''
  const words = `${daily}${time}${days && ' '}${days}`
  return words.charAt(0).toUpperCase() + words.slice(1)
}
