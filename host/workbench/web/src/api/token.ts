import { useSyncExternalStore } from 'react'

/**
 * The token of a host that serves. It lives in the tab's session storage: pages that steps answer have the same
 * origin, and in other tabs they cannot read it.
 */
const KEY = 'motia.token'

const listeners = new Set<() => void>()
let refused = false

function changed(): void {
  for (const listener of listeners) listener()
}

export function token(): string | null {
  return sessionStorage.getItem(KEY)
}

export function setToken(value: string | null): void {
  if (value) sessionStorage.setItem(KEY, value)
  else sessionStorage.removeItem(KEY)
  refused = false
  changed()
}

/** The API has answered 401: there is no token, or a wrong one. */
export function tokenRefused(): void {
  if (refused) return
  refused = true
  changed()
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

/** Whether the API wants another token. */
export function useTokenRefused(): boolean {
  return useSyncExternalStore(subscribe, () => refused)
}
