/** Seven columns and six rows, from the bottom left to the top right: `.` is free, `x` the player, `o` the engine. */
export type Board = string

export const COLUMNS = 7
const ROWS = 6

export const emptyBoard: Board = '.'.repeat(COLUMNS * ROWS)

/** The board after a piece has fallen into a column; null if the column is full. */
export function drop(board: Board, column: number, piece: 'x' | 'o'): Board | null {
  for (let row = 0; row < ROWS; row++) {
    const at = row * COLUMNS + column
    if (board[at] === '.') return board.slice(0, at) + piece + board.slice(at + 1)
  }
  return null
}

/** `x` or `o` if there are four in a row, `draw` if the board is full, null while it goes on. */
export function winner(board: Board): 'x' | 'o' | 'draw' | null {
  const at = (column: number, row: number) => (column >= 0 && column < COLUMNS && row >= 0 && row < ROWS ? board[row * COLUMNS + column] : '.')
  for (let row = 0; row < ROWS; row++) {
    for (let column = 0; column < COLUMNS; column++) {
      const piece = at(column, row)
      if (piece === '.') continue
      for (const [right, up] of [[1, 0], [0, 1], [1, 1], [1, -1]]) {
        if ([1, 2, 3].every((step) => at(column + right * step, row + up * step) === piece)) return piece as 'x' | 'o'
      }
    }
  }
  return board.includes('.') ? null : 'draw'
}
