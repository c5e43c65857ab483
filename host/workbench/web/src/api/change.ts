import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'

import { toast } from '../ui/index.ts'
import { queries } from './queries.ts'

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/** Changes something by the API: says how it went, and has what it may have changed read again. */
export function useChange(...keys: string[]) {
  const client = useQueryClient()
  const [busy, setBusy] = useState(false)

  /** Answers whether it went well. */
  async function change<T>(request: () => Promise<T>, done: string | ((answer: T) => string)): Promise<boolean> {
    setBusy(true)
    try {
      const answer = await request()
      toast(typeof done === 'string' ? done : done(answer), 'success')
      return true
    } catch (error) {
      toast(messageOf(error), 'danger')
      return false
    } finally {
      setBusy(false)
      for (const key of keys) void client.invalidateQueries({ queryKey: [key] })
    }
  }

  return { change, busy }
}

/** Whether the token's role lets its holder change things; while nobody knows, it does not. */
export function useMayChange(): boolean {
  return useQuery(queries.project()).data?.role === 'admin'
}
