import os

URGENT_WORDS = os.environ.get("URGENT_WORDS", "down,outage,urgent").split(",")

config = {
    "type": "event",
    "name": "TriageTicket",
    "description": "Decides how urgent a ticket is",
    "subscribes": ["ticket.created"],
    "flows": ["tickets"],
}


async def handler(ticket, context):
    title = ticket["title"].lower()
    priority = "urgent" if any(word in title for word in URGENT_WORDS) else "normal"
    await context.state.update("tickets", ticket["id"], [{"type": "set", "path": "priority", "value": priority}])
    context.logger.info("Triaged a ticket", {"id": ticket["id"], "priority": priority})
