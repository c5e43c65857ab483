import type { ApiResponse, ApiRouteConfig, ApiRouteHandler } from 'motia'
import { authenticate } from '../middleware/authenticate'
import { errors, HttpError } from '../middleware/errors'
import { timing } from '../middleware/timing'

export const config: ApiRouteConfig = {
  type: 'api',
  name: 'DeleteTodo',
  description: 'Deletes a todo, for those who have the key',
  method: 'DELETE',
  path: '/todos/:id',
  flows: ['todos'],
  middleware: [timing, errors, authenticate],
}

export const handler: ApiRouteHandler<unknown, ApiResponse<204, undefined>> = async (req, { state, streams }) => {
  const { id } = req.pathParams
  if (!(await state.delete('todos', id))) throw new HttpError(404, `there is no todo ${id}`)
  await streams.todos.delete('all', id)
  return { status: 204, body: undefined }
}
