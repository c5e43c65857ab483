import { type KeyboardEvent, type ReactNode, useId } from 'react'

import styles from './Tabs.module.css'

export interface TabItem {
  value: string
  label: ReactNode
  count?: number
}

export interface TabsProps {
  items: readonly TabItem[]
  value: string
  onChange: (value: string) => void
  label?: string
}

/** The strip of tabs; what the chosen one shows is rendered by the caller. */
export function Tabs({ items, value, onChange, label }: TabsProps) {
  const id = useId()
  const onKeyDown = (event: KeyboardEvent) => {
    const index = items.findIndex((item) => item.value === value)
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key]
    const next = step && items[(index + step + items.length) % items.length]
    if (!next) return
    event.preventDefault()
    onChange(next.value)
    document.getElementById(`${id}-${next.value}`)?.focus()
  }
  return (
    <div aria-label={label} className={styles.tabs} onKeyDown={onKeyDown} role="tablist">
      {items.map((item) => (
        <button
          aria-selected={item.value === value}
          className={styles.tab}
          id={`${id}-${item.value}`}
          key={item.value}
          onClick={() => onChange(item.value)}
          role="tab"
          tabIndex={item.value === value ? 0 : -1}
          type="button"
        >
          {item.label}
          {item.count !== undefined && <span className={styles.count}>{item.count}</span>}
        </button>
      ))}
    </div>
  )
}
