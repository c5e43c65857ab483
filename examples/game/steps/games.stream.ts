import type { MotiaStream, StreamConfig } from 'motia'
import type { Board } from '../src/board'

export type Game = { id: string; player: string; board: Board; turn: 'x' | 'o'; winner: 'x' | 'o' | 'draw' | null }

/** All games, in the group `all`. */
export const config: StreamConfig = {
  name: 'games',
  schema: {
    type: 'object',
    properties: {
      id: { type: 'string' },
      player: { type: 'string' },
      board: { type: 'string', minLength: 42, maxLength: 42 },
      turn: { enum: ['x', 'o'] },
      winner: { enum: ['x', 'o', 'draw', null] },
    },
    required: ['id', 'player', 'board', 'turn', 'winner'],
  },
  baseConfig: { storageType: 'default' },
}

declare module 'motia' {
  interface FlowContextStateStreams {
    games: MotiaStream<Game>
  }
}
