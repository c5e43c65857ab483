import type { MotiaStream, StreamConfig } from 'motia'

export type Message = { id: string; role: 'user' | 'assistant'; text: string; status: 'writing' | 'done' | 'failed'; at: number }

/** The messages of a chat, in the group of the chat's id. */
export const config: StreamConfig = {
  name: 'messages',
  schema: {
    type: 'object',
    properties: {
      id: { type: 'string' },
      role: { enum: ['user', 'assistant'] },
      text: { type: 'string' },
      status: { enum: ['writing', 'done', 'failed'] },
      at: { type: 'number' },
    },
    required: ['id', 'role', 'text', 'status', 'at'],
  },
  baseConfig: { storageType: 'default' },
}

declare module 'motia' {
  interface FlowContextStateStreams {
    messages: MotiaStream<Message>
  }
}
