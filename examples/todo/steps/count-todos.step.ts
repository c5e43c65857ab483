import type { EventConfig, EventHandler } from 'motia'

export const config: EventConfig = {
  type: 'event',
  name: 'CountTodos',
  description: 'Counts the todos that were ever created',
  subscribes: ['todo.created'],
  input: {
    type: 'object',
    properties: { id: { type: 'string' }, title: { type: 'string' } },
    required: ['id', 'title'],
  },
  flows: ['todos'],
}

export const handler: EventHandler<{ id: string; title: string }> = async (input, { logger, state }) => {
  const stats = await state.update<{ created: number }>('stats', 'todos', [{ type: 'increment', path: 'created' }])
  logger.info('Counted a todo', { id: input.id, created: stats.created })
}
