import type { ApiResponse, ApiRouteConfig, ApiRouteHandler } from 'motia'
import { emptyBoard } from '../src/board'
import type { Game } from './games.stream'

export const config: ApiRouteConfig = {
  type: 'api',
  name: 'CreateGame',
  description: 'Begins a game against the engine; the player moves first',
  method: 'POST',
  path: '/games',
  bodySchema: {
    type: 'object',
    properties: { player: { type: 'string', minLength: 1, maxLength: 40 } },
    required: ['player'],
    additionalProperties: false,
  },
  emits: [],
  flows: ['game'],
}

export const handler: ApiRouteHandler<{ player: string }, ApiResponse<201, Game>, never> = async (req, { streams }) => {
  const id = crypto.randomUUID()
  const game: Game = { id, player: req.body.player, board: emptyBoard, turn: 'x', winner: null }
  return { status: 201, body: await streams.games.set('all', id, game) }
}
