import type { ApiResponse, ApiRouteConfig, ApiRouteHandler } from 'motia'
import { timing } from '../middleware/timing'
import { type Todo, todoSchema } from './todos.stream'

export const config: ApiRouteConfig = {
  type: 'api',
  name: 'CreateTodo',
  description: 'Adds a todo',
  method: 'POST',
  path: '/todos',
  bodySchema: {
    type: 'object',
    properties: { title: { type: 'string', minLength: 1, maxLength: 200 } },
    required: ['title'],
    additionalProperties: false,
  },
  responseSchema: { 201: todoSchema },
  emits: ['todo.created'],
  flows: ['todos'],
  middleware: [timing],
}

type Created = { topic: 'todo.created'; data: { id: string; title: string } }

export const handler: ApiRouteHandler<{ title: string }, ApiResponse<201, Todo>, Created> = async (req, ctx) => {
  const { title } = req.body
  const todo: Todo = { id: crypto.randomUUID(), title, done: false, createdAt: new Date().toISOString() }
  await ctx.state.set('todos', todo.id, todo)
  await ctx.streams.todos.set('all', todo.id, todo)
  await ctx.emit({ topic: 'todo.created', data: { id: todo.id, title } })
  return { status: 201, body: todo, headers: { location: `/todos/${todo.id}` } }
}
