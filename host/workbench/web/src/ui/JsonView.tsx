import { type ReactNode, useState } from 'react'

import type { Json } from '../api/types.ts'
import { classes } from './classes.ts'
import { Icon } from './icons.tsx'
import styles from './JsonView.module.css'

export interface JsonViewProps {
  value: Json | undefined
  /** How many levels are open at first; `true` closes all. */
  collapsed?: boolean | number
}

/** So many members of an object or an array are shown at a time. */
const SHOWN = 100
const LONG_TEXT = 2_000

/** A JSON value as a tree whose branches open and close. */
export function JsonView({ value, collapsed = 2 }: JsonViewProps) {
  const depth = typeof collapsed === 'number' ? collapsed : collapsed ? 0 : Infinity
  return (
    <div className={classes(styles.json, styles.root)}>
      <Value depth={depth} value={value} />
    </div>
  )
}

function Value({ value, name, depth }: { value: Json | undefined; name?: string; depth: number }) {
  if (typeof value === 'object' && value !== null) return <Branch depth={depth} name={name} value={value} />
  return (
    <div>
      <Name name={name} />
      <Leaf value={value} />
    </div>
  )
}

function Name({ name }: { name?: string }): ReactNode {
  if (name === undefined) return null
  return (
    <>
      <span className={styles.key}>{name}</span>:{' '}
    </>
  )
}

function Leaf({ value }: { value: null | boolean | number | string | undefined }) {
  const [whole, setWhole] = useState(false)
  if (typeof value === 'number') return <span className={styles.number}>{String(value)}</span>
  if (typeof value !== 'string') return <span className={styles.word}>{String(value)}</span>
  const isLong = value.length > LONG_TEXT && !whole
  return (
    <span className={styles.string}>
      "{isLong ? value.slice(0, LONG_TEXT) : value}"
      {isLong && (
        <button className={styles.more} onClick={() => setWhole(true)} type="button">
          … {value.length - LONG_TEXT} more characters
        </button>
      )}
    </span>
  )
}

function Branch({ value, name, depth }: { value: Json[] | { [key: string]: Json }; name?: string; depth: number }) {
  const [open, setOpen] = useState(depth > 0)
  const [shown, setShown] = useState(SHOWN)
  const isArray = Array.isArray(value)
  const entries: [string, Json][] = isArray ? value.map((item, index) => [String(index), item]) : Object.entries(value)
  const [start, end] = isArray ? ['[', ']'] : ['{', '}']
  if (entries.length === 0) {
    return (
      <div>
        <Name name={name} />
        {start}
        {end}
      </div>
    )
  }
  const size = isArray ? `${entries.length} ${entries.length === 1 ? 'item' : 'items'}` : preview(entries)
  return (
    <div>
      <button aria-expanded={open} className={classes(styles.toggle, open && styles.open)} onClick={() => setOpen(!open)} type="button">
        <Icon name="chevronRight" size={12} />
        <span>
          <Name name={name} />
          {start}
          {!open && (
            <>
              {' '}
              {size} {end}
            </>
          )}
        </span>
      </button>
      {open && (
        <>
          <div className={styles.children}>
            {entries.slice(0, shown).map(([key, item]) => (
              <Value depth={depth - 1} key={key} name={key} value={item} />
            ))}
            {entries.length > shown && (
              <button className={styles.more} onClick={() => setShown(shown + SHOWN * 10)} type="button">
                {entries.length - shown} more
              </button>
            )}
          </div>
          {end}
        </>
      )}
    </div>
  )
}

function preview(entries: [string, Json][]): string {
  const names = entries.slice(0, 4).map(([key]) => key)
  return entries.length > names.length ? `${names.join(', ')}, …` : names.join(', ')
}
