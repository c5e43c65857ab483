import type { ApiResponse, ApiRouteConfig, ApiRouteHandler } from 'motia'
import { COLUMNS, drop, winner } from '../src/board'
import type { Game } from './games.stream'

export const config: ApiRouteConfig = {
  type: 'api',
  name: 'PlayMove',
  description: "Takes the player's move",
  method: 'POST',
  path: '/games/:id/moves',
  bodySchema: {
    type: 'object',
    properties: { column: { type: 'integer', minimum: 0, maximum: COLUMNS - 1 } },
    required: ['column'],
    additionalProperties: false,
  },
  emits: ['game.moved', { topic: 'game.finished', conditional: true }],
  flows: ['game'],
  // Of two moves at the same time, one is made.
  atomic: true,
}

type Moved = { topic: 'game.moved'; data: { id: string } } | { topic: 'game.finished'; data: { player: string; winner: 'x' | 'o' | 'draw' } }
type Answer = ApiResponse<200, Game> | ApiResponse<404 | 409, { error: string }>

export const handler: ApiRouteHandler<{ column: number }, Answer, Moved> = async (req, { emit, streams }) => {
  const { id } = req.pathParams
  const game = await streams.games.get('all', id)
  if (!game) return { status: 404, body: { error: 'there is no such game' } }
  if (game.winner) return { status: 409, body: { error: 'the game is over' } }
  if (game.turn !== 'x') return { status: 409, body: { error: 'the engine thinks; it is not your turn' } }
  const board = drop(game.board, req.body.column, 'x')
  if (!board) return { status: 409, body: { error: `column ${req.body.column} is full` } }
  const over = winner(board)
  const after: Game = { id, player: game.player, board, turn: 'o', winner: over }
  const live = await streams.games.set('all', id, after)
  if (over) await emit({ topic: 'game.finished', data: { player: game.player, winner: over } })
  else await emit({ topic: 'game.moved', data: { id } })
  return { status: 200, body: live }
}
