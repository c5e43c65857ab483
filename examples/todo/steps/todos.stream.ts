import type { MotiaStream, StreamConfig } from 'motia'

export type Todo = { id: string; title: string; done: boolean; createdAt: string }

export const todoSchema = {
  type: 'object',
  properties: {
    id: { type: 'string' },
    title: { type: 'string' },
    done: { type: 'boolean' },
    createdAt: { type: 'string', format: 'date-time' },
  },
  required: ['id', 'title', 'done', 'createdAt'],
}

/** All todos are in the group `all`, for clients that follow the list. */
export const config: StreamConfig = {
  name: 'todos',
  schema: todoSchema,
  baseConfig: { storageType: 'default' },
}

declare module 'motia' {
  interface FlowContextStateStreams {
    todos: MotiaStream<Todo>
  }
}
