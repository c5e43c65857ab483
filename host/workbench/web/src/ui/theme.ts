import { useSyncExternalStore } from 'react'

export type Theme = 'system' | 'light' | 'dark'

const KEY = 'motia.theme'
const listeners = new Set<() => void>()
const systemIsDark = matchMedia('(prefers-color-scheme: dark)')

function theme(): Theme {
  const kept = localStorage.getItem(KEY)
  return kept === 'light' || kept === 'dark' ? kept : 'system'
}

function isDark(): boolean {
  return theme() === 'dark' || (theme() === 'system' && systemIsDark.matches)
}

function apply(): void {
  document.documentElement.dataset.theme = isDark() ? 'dark' : 'light'
  for (const listener of listeners) listener()
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

/** Gives the document its colours; before the first rendering, so that nothing flashes. */
export function startTheme(): void {
  systemIsDark.addEventListener('change', apply)
  apply()
}

export function setTheme(wanted: Theme): void {
  if (wanted === 'system') localStorage.removeItem(KEY)
  else localStorage.setItem(KEY, wanted)
  apply()
}

/** What was chosen, and what that comes to. */
export function useTheme(): { theme: Theme; dark: boolean; setTheme: (theme: Theme) => void } {
  return { theme: useSyncExternalStore(subscribe, theme), dark: useSyncExternalStore(subscribe, isDark), setTheme }
}
