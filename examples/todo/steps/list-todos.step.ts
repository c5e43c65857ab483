import type { ApiResponse, ApiRouteConfig, ApiRouteHandler } from 'motia'
import { timing } from '../middleware/timing'
import { type Todo, todoSchema } from './todos.stream'

export const config: ApiRouteConfig = {
  type: 'api',
  name: 'ListTodos',
  description: 'Lists the todos, the oldest first',
  method: 'GET',
  path: '/todos',
  queryParams: [{ name: 'done', description: '`true` or `false`: only those that are done or not' }],
  responseSchema: { 200: { type: 'array', items: todoSchema } },
  flows: ['todos'],
  middleware: [timing],
}

export const handler: ApiRouteHandler<unknown, ApiResponse<200, Todo[]>> = async (req, { state }) => {
  const { done } = req.queryParams
  const todos = await state.getGroup<Todo>('todos')
  const wanted = todos.filter((todo) => done === undefined || String(todo.done) === done)
  wanted.sort((a, b) => a.createdAt.localeCompare(b.createdAt))
  return { status: 200, body: wanted }
}
