import type { ApiResponse, ApiRouteConfig, ApiRouteHandler } from 'motia'
import { errors, HttpError } from '../middleware/errors'
import { timing } from '../middleware/timing'
import { type Todo, todoSchema } from './todos.stream'

type Change = Partial<Pick<Todo, 'title' | 'done'>>

export const config: ApiRouteConfig = {
  type: 'api',
  name: 'UpdateTodo',
  description: 'Changes the title of a todo, or whether it is done',
  method: 'PATCH',
  path: '/todos/:id',
  bodySchema: {
    type: 'object',
    properties: {
      title: { type: 'string', minLength: 1, maxLength: 200 },
      done: { type: 'boolean' },
    },
    minProperties: 1,
    additionalProperties: false,
  },
  responseSchema: { 200: todoSchema },
  flows: ['todos'],
  middleware: [timing, errors],
}

export const handler: ApiRouteHandler<Change, ApiResponse<200, Todo>> = async (req, { state, streams }) => {
  const { id } = req.pathParams
  if (!(await state.get('todos', id))) throw new HttpError(404, `there is no todo ${id}`)
  const todo = await state.update<Todo>('todos', id, [{ type: 'merge', value: req.body }])
  await streams.todos.set('all', id, todo)
  return { status: 200, body: todo }
}
