import { useSyncExternalStore } from 'react'

import type { Tone } from './Badge.tsx'
import { classes } from './classes.ts'
import { Icon } from './icons.tsx'
import styles from './toast.module.css'
import { Words } from './Words.tsx'

interface Toast {
  id: number
  message: string
  tone: Tone
}

const SHOWN_MS = 5_000
const MOST = 4

let toasts: readonly Toast[] = []
let nextId = 1
const listeners = new Set<() => void>()

function set(next: readonly Toast[]): void {
  toasts = next
  for (const listener of listeners) listener()
}

function remove(id: number): void {
  set(toasts.filter((toast) => toast.id !== id))
}

/** Says something for some seconds; screen readers read it out. */
export function toast(message: string, tone: Tone = 'info'): void {
  const id = nextId++
  set([...toasts, { id, message, tone }].slice(-MOST))
  setTimeout(() => remove(id), tone === 'danger' ? SHOWN_MS * 2 : SHOWN_MS)
}

/** Says what went wrong. */
export function toastError(error: unknown): void {
  toast(error instanceof Error ? error.message : String(error), 'danger')
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

/** Where they appear: over everything, also over dialogs. */
export function Toasts() {
  const shown = useSyncExternalStore(subscribe, () => toasts)
  const raise = (region: HTMLElement | null) => {
    if (!region) return
    region.hidePopover()
    region.showPopover()
  }
  return (
    <div aria-live="polite" className={styles.toasts} key={shown.at(-1)?.id} popover="manual" ref={raise} role="status">
      {shown.map(({ id, message, tone }) => (
        <div className={classes(styles.toast, styles[tone])} key={id}>
          <Icon name={tone === 'success' ? 'check' : tone === 'danger' || tone === 'warning' ? 'alert' : 'info'} size={15} />
          <span>
            <Words text={message} />
          </span>
          <button aria-label="Dismiss" onClick={() => remove(id)} type="button">
            <Icon name="close" size={12} />
          </button>
        </div>
      ))}
    </div>
  )
}
