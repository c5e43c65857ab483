import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useEffect, useState } from 'react'

import { api, path } from '../../api/client.ts'
import { queries } from '../../api/queries.ts'
import type { Flow, Position } from '../../api/types.ts'
import { toastError } from '../../ui/index.ts'

/** How long nothing must have moved before positions are saved. */
const SETTLE_MS = 300

type Positions = Record<string, Position>

interface Change {
  flow: string
  positions: Positions
}

/** Positions that were changed and are not saved yet stand for the saved ones; `move` saves them all in a moment. */
export function useMovedPositions(flow: Flow | undefined, saved: Positions): { positions: Positions; move: (moved: Positions) => void } {
  const client = useQueryClient()
  const [pending, setPending] = useState<Change | null>(null)
  const { mutate: save } = useMutation({
    mutationFn: (change: Change) => api.put<Flow>(`flows/${path(change.flow)}/positions`, { positions: change.positions }),
    onSuccess: (changed, change) => {
      client.setQueryData(queries.flows().queryKey, (flows) => flows?.map((old) => (old.name === changed.name ? changed : old)))
      setPending((now) => (now === change ? null : now))
    },
    onError: (error) => {
      setPending(null)
      toastError(error)
    },
  })
  useEffect(() => {
    if (!pending) return
    const timer = setTimeout(() => save(pending), SETTLE_MS)
    return () => clearTimeout(timer)
  }, [pending, save])

  const positions = pending && pending.flow === flow?.name ? pending.positions : saved
  const move = (moved: Positions) => {
    if (flow) setPending({ flow: flow.name, positions: { ...positions, ...moved } })
  }
  return { positions, move }
}
