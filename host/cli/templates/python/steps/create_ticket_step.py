config = {
    "type": "api",
    "name": "CreateTicket",
    "description": "Takes a ticket and has it triaged",
    "method": "POST",
    "path": "/tickets",
    # Bodies are checked before the step starts; what does not fit is answered with 400.
    "bodySchema": {
        "type": "object",
        "properties": {"title": {"type": "string", "minLength": 1, "maxLength": 200}},
        "required": ["title"],
    },
    "emits": ["ticket.created"],
    "flows": ["tickets"],
}


async def handler(req, context):
    ticket = {"id": context.trace_id, "title": req.body["title"], "priority": "unknown"}
    await context.state.set("tickets", ticket["id"], ticket)
    await context.emit({"topic": "ticket.created", "data": ticket})
    return {"status": 201, "body": ticket}
