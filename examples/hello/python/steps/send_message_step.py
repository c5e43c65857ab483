from typing import TypedDict


class Message(TypedDict):
    text: str


config = {
    "type": "api",
    "name": "SendMessage",
    "description": "Takes a message and hands it on",
    "method": "POST",
    "path": "/messages",
    "bodySchema": Message,
    "emits": ["message.sent"],
    "flows": ["messages"],
}


async def handler(req, context):
    await context.emit({"topic": "message.sent", "data": {"text": req.body["text"]}})
    return {"status": 200, "body": {"ok": True}}
