import type { MotiaStream, StreamConfig } from 'motia'

export type Standing = { id: string; won: number; lost: number; drawn: number; points: number }

/** One item for each player, in the group `all`. */
export const config: StreamConfig = {
  name: 'leaderboard',
  schema: {
    type: 'object',
    properties: {
      id: { type: 'string' },
      won: { type: 'integer' },
      lost: { type: 'integer' },
      drawn: { type: 'integer' },
      points: { type: 'integer' },
    },
    required: ['id', 'won', 'lost', 'drawn', 'points'],
  },
  baseConfig: { storageType: 'default' },
}

declare module 'motia' {
  interface FlowContextStateStreams {
    leaderboard: MotiaStream<Standing>
  }
}
