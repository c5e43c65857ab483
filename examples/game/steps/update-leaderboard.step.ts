import type { EventConfig, EventHandler } from 'motia'

export const config: EventConfig = {
  type: 'event',
  name: 'UpdateLeaderboard',
  description: 'Counts a game that is over: three points for a win, one for a draw',
  subscribes: ['game.finished'],
  input: {
    type: 'object',
    properties: { player: { type: 'string' }, winner: { enum: ['x', 'o', 'draw'] } },
    required: ['player', 'winner'],
  },
  emits: [],
  flows: ['game'],
  // Each game counts exactly once.
  atomic: true,
}

export const handler: EventHandler<{ player: string; winner: 'x' | 'o' | 'draw' }, never> = async ({ player, winner }, { streams }) => {
  const before = (await streams.leaderboard.get('all', player)) ?? { won: 0, lost: 0, drawn: 0 }
  const won = before.won + (winner === 'x' ? 1 : 0)
  const lost = before.lost + (winner === 'o' ? 1 : 0)
  const drawn = before.drawn + (winner === 'draw' ? 1 : 0)
  await streams.leaderboard.set('all', player, { id: player, won, lost, drawn, points: 3 * won + drawn })
}
