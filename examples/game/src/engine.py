"""Chooses moves: alpha-beta search over a board of seven columns and six rows, from the bottom left."""

COLUMNS, ROWS = 7, 6
ORDER = (3, 2, 4, 1, 5, 0, 6)


def _lines():
    for row in range(ROWS):
        for column in range(COLUMNS):
            for right, up in ((1, 0), (0, 1), (1, 1), (1, -1)):
                cells = [(column + right * step, row + up * step) for step in range(4)]
                if all(0 <= x < COLUMNS and 0 <= y < ROWS for x, y in cells):
                    yield tuple(y * COLUMNS + x for x, y in cells)


LINES = tuple(_lines())
SCORES = (0, 1, 8, 64)


def drop(board, column, piece):
    """The board after a piece has fallen into a column; None if the column is full."""
    for at in range(column, COLUMNS * ROWS, COLUMNS):
        if board[at] == ".":
            return board[:at] + piece + board[at + 1 :]
    return None


def winner(board):
    """`x` or `o` if there are four in a row, `draw` if the board is full, None while it goes on."""
    for a, b, c, d in LINES:
        if board[a] != "." and board[a] == board[b] == board[c] == board[d]:
            return board[a]
    return None if "." in board else "draw"


def _worth(board):
    worth = 0
    for line in LINES:
        pieces = [board[at] for at in line]
        own, other = pieces.count("o"), pieces.count("x")
        if not other:
            worth += SCORES[own]
        elif not own:
            worth -= SCORES[other]
    return worth


def _search(board, piece, depth, low, high):
    over = winner(board)
    if over:
        return {"o": 10_000 + depth, "x": -10_000 - depth, "draw": 0}[over], None
    if depth == 0:
        return _worth(board), None
    best = None
    for column in ORDER:
        after = drop(board, column, piece)
        if after is None:
            continue
        worth, _ = _search(after, "x" if piece == "o" else "o", depth - 1, low, high)
        if piece == "o" and worth > low:
            low, best = worth, column
        elif piece == "x" and worth < high:
            high, best = worth, column
        elif best is None:
            best = column
        if low >= high:
            break
    return (low if piece == "o" else high), best


def best_column(board, depth=4):
    """The column in which the engine, which plays `o`, does best."""
    return _search(board, "o", depth, -100_000, 100_000)[1]
