config = {
    "type": "api",
    "name": "GetTicket",
    "description": "Reads one ticket",
    "method": "GET",
    "path": "/tickets/:id",
    "flows": ["tickets"],
}


async def handler(req, context):
    ticket = await context.state.get("tickets", req.path_params["id"])
    if ticket is None:
        return {"status": 404, "body": {"error": "no such ticket"}}
    return {"status": 200, "body": ticket}
