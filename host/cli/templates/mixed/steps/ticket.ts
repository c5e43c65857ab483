// Not a step: only files named `*.step.ts` are. Steps import it like any module.

export type Ticket = { id: string; title: string; priority: 'unknown' | 'normal' | 'urgent' }
