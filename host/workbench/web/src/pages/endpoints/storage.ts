import { useSyncExternalStore } from 'react'

import type { Draft } from './request.ts'

/** A request that somebody gave a name. */
export interface SavedRequest {
  id: string
  step: string
  name: string
  draft: Draft
}

interface Kept {
  /** The step that was looked at last. */
  step?: string
  /** The last request of each step. */
  drafts: Record<string, Draft>
  saved: SavedRequest[]
}

const EMPTY: Kept = { drafts: {}, saved: [] }
const listeners = new Set<() => void>()
const read = new Map<string, { text: string | null; kept: Kept }>()

function keyOf(project: string): string {
  return `motia.requests.${project}`
}

/** What the browser keeps of a project; the same object until it changes. */
export function keptOf(project: string): Kept {
  const text = localStorage.getItem(keyOf(project))
  const known = read.get(project)
  if (known && known.text === text) return known.kept
  const kept = parsed(text)
  read.set(project, { text, kept })
  return kept
}

function parsed(text: string | null): Kept {
  try {
    return { ...EMPTY, ...(JSON.parse(text ?? '{}') as Partial<Kept>) }
  } catch {
    return EMPTY
  }
}

function keep(project: string, kept: Kept): void {
  localStorage.setItem(keyOf(project), JSON.stringify(kept))
  for (const listener of listeners) listener()
}

export function keepDraft(project: string, step: string, draft: Draft): void {
  const kept = keptOf(project)
  keep(project, { ...kept, step, drafts: { ...kept.drafts, [step]: draft } })
}

/** One of the same name is replaced. */
export function saveRequest(project: string, step: string, name: string, draft: Draft): void {
  const kept = keptOf(project)
  const others = kept.saved.filter((saved) => saved.step !== step || saved.name !== name)
  keep(project, { ...kept, saved: [...others, { id: `${step} ${name}`, step, name, draft }] })
}

export function forgetRequest(project: string, id: string): void {
  const kept = keptOf(project)
  keep(project, { ...kept, saved: kept.saved.filter((saved) => saved.id !== id) })
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

/** The saved requests of a step. */
export function useSavedRequests(project: string, step: string): SavedRequest[] {
  const kept = useSyncExternalStore(subscribe, () => keptOf(project))
  return kept.saved.filter((saved) => saved.step === step)
}
