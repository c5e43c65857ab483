import { useEffect, useEffectEvent, useSyncExternalStore } from 'react'

/** A shortcut, as the sheet and the palette show it. */
export interface Hotkey {
  /** Such as `mod+k`, `ctrl+enter`, `?` or `g f`, one key after the other. `mod` is Cmd on a Mac, else Ctrl. */
  keys: string
  description: string
  run: () => void
}

export const isMac = navigator.platform.startsWith('Mac')

/** The time for the second key of a sequence. */
const SEQUENCE_MS = 1_000

const hotkeys = new Set<Hotkey>()
const listeners = new Set<() => void>()
let snapshot: readonly Hotkey[] = []
let first = ''
let firstAt = 0

function changed(): void {
  snapshot = [...hotkeys]
  for (const listener of listeners) listener()
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

/** All shortcuts of what is shown now. */
export function useHotkeys(): readonly Hotkey[] {
  return useSyncExternalStore(subscribe, () => snapshot)
}

/** Runs `handler` when the keys are pressed; an empty description keeps it off the sheet and the palette. */
export function useHotkey(keys: string, handler: () => void, description: string): void {
  const run = useEffectEvent(handler)
  useEffect(() => {
    const hotkey = { keys, description, run: () => run() }
    hotkeys.add(hotkey)
    changed()
    return () => {
      hotkeys.delete(hotkey)
      changed()
    }
  }, [keys, description])
}

/** A key press in the notation of shortcuts. */
export function pressed(event: Pick<KeyboardEvent, 'key' | 'ctrlKey' | 'metaKey' | 'altKey' | 'shiftKey'>, mac: boolean): string {
  const key = event.key.toLowerCase()
  const names = []
  if (mac ? event.metaKey : event.ctrlKey) names.push('mod')
  if (mac ? event.ctrlKey : event.metaKey) names.push(mac ? 'ctrl' : 'meta')
  if (event.altKey) names.push('alt')
  // With signs such as `?` the shift key is part of the sign.
  if (event.shiftKey && (key.length > 1 || /[a-z]/.test(key))) names.push('shift')
  return [...names, key === ' ' ? 'space' : key].join('+')
}

function onKeyDown(event: KeyboardEvent): void {
  if (event.defaultPrevented || event.isComposing) return
  const press = pressed(event, isMac)
  const inField = event.target instanceof Element && event.target.closest('input, textarea, select, [contenteditable="true"]')
  const inDialog = document.querySelector('dialog:modal') !== null
  if (inField && !press.startsWith('mod+')) return
  const sequence = event.timeStamp - firstAt < SEQUENCE_MS ? `${first} ${press}` : ''
  const wanted = [sequence, press, press.replace('mod+', 'ctrl+')]
  const match = [...hotkeys].reverse().find(({ keys }) => keys !== '' && wanted.includes(keys))
  first = press
  firstAt = event.timeStamp
  if (!match || (inDialog && match.keys !== 'mod+k')) return
  event.preventDefault()
  match.run()
}

document.addEventListener('keydown', onKeyDown)
