config = {
    "type": "cron",
    "name": "CountTickets",
    "description": "Says every minute how many tickets are urgent",
    "cron": "* * * * *",
    "flows": ["tickets"],
}


async def handler(context):
    tickets = await context.state.get_group("tickets")
    urgent = sum(ticket["priority"] == "urgent" for ticket in tickets)
    context.logger.info("Counted the tickets", {"all": len(tickets), "urgent": urgent})
