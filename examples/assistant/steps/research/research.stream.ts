import type { MotiaStream, StreamConfig } from 'motia'

export type Part = { id: string; title: string; text: string; status: 'waiting' | 'working' | 'done' }

/** The parts of a piece of research, in the group of its id: `0-plan`, `1-…` for each question, `9-report`. */
export const config: StreamConfig = {
  name: 'research',
  schema: {
    type: 'object',
    properties: {
      id: { type: 'string' },
      title: { type: 'string' },
      text: { type: 'string' },
      status: { enum: ['waiting', 'working', 'done'] },
    },
    required: ['id', 'title', 'text', 'status'],
  },
  baseConfig: { storageType: 'default' },
}

declare module 'motia' {
  interface FlowContextStateStreams {
    research: MotiaStream<Part>
  }
}
