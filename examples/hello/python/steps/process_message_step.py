config = {
    "type": "event",
    "name": "ProcessMessage",
    "description": "Logs each message",
    "subscribes": ["message.sent"],
    "flows": ["messages"],
}


async def handler(input, context):
    context.logger.info("Processing message", input)
