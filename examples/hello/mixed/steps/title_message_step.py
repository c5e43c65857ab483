config = {
    "type": "event",
    "name": "TitleMessage",
    "description": "Writes the message as a title",
    "subscribes": ["message.sent"],
    "flows": ["messages"],
}


async def handler(input, context):
    context.logger.info("Processing message", input)
    value = input["text"].title()
    await context.state.update("messages", context.trace_id, [{"type": "set", "path": "python", "value": value}])
