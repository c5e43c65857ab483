import type { EventConfig, EventHandler } from 'motia'

export const config: EventConfig = {
  type: 'event',
  name: 'CollectAnswers',
  description: 'Waits until every question is answered',
  subscribes: ['research.answered'],
  emits: [{ topic: 'research.collected', label: 'the last one', conditional: true }],
  flows: ['research'],
  // Counting and emitting take effect together, exactly once for each answer.
  atomic: true,
  // Answers to one question wait for each other instead of colliding.
  infrastructure: { queue: { keyConcurrency: { key: 'id', limit: 1 } } },
}

type Collected = { topic: 'research.collected'; data: { id: string } }

export const handler: EventHandler<{ id: string }, Collected> = async ({ id }, { emit, state }) => {
  const { open } = await state.update<{ open: number }>('research', id, [{ type: 'decrement', path: 'open' }])
  if (open === 0) await emit({ topic: 'research.collected', data: { id } })
}
