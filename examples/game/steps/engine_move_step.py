from src.engine import best_column, drop, winner

config = {
    "type": "event",
    "name": "EngineMove",
    "description": "Thinks and moves",
    "subscribes": ["game.moved"],
    "emits": [{"topic": "game.finished", "conditional": True}],
    "flows": ["game"],
    "atomic": True,
}


async def handler(input, context):
    game = await context.streams.games.get("all", input["id"])
    if not game or game["turn"] != "o" or game["winner"]:
        return
    column = best_column(game["board"])
    board = drop(game["board"], column, "o")
    over = winner(board)
    context.logger.info("Engine moves", {"game": input["id"], "column": column})
    after = {"id": game["id"], "player": game["player"], "board": board, "turn": "x", "winner": over}
    await context.streams.games.set("all", game["id"], after)
    if over:
        await context.emit({"topic": "game.finished", "data": {"player": game["player"], "winner": over}})
