import type { ApiResponse, ApiRouteConfig, ApiRouteHandler } from 'motia'
import { errors, HttpError } from '../middleware/errors'
import { timing } from '../middleware/timing'
import { type Todo, todoSchema } from './todos.stream'

export const config: ApiRouteConfig = {
  type: 'api',
  name: 'GetTodo',
  description: 'Reads one todo',
  method: 'GET',
  path: '/todos/:id',
  responseSchema: { 200: todoSchema },
  flows: ['todos'],
  middleware: [timing, errors],
}

export const handler: ApiRouteHandler<unknown, ApiResponse<200, Todo>> = async (req, { state }) => {
  const { id } = req.pathParams
  const todo = await state.get<Todo>('todos', id)
  if (!todo) throw new HttpError(404, `there is no todo ${id}`)
  return { status: 200, body: todo }
}
