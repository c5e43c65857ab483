use motia::prelude::*;

#[motia::cron(
    name = "CountTickets",
    description = "Says every minute how many tickets are urgent",
    cron = "* * * * *",
    flows = ["tickets"],
)]
fn handler(ctx: Context) -> Result<()> {
    let tickets: Vec<(String, Value)> = ctx.state().get_group("tickets")?;
    let urgent = tickets
        .iter()
        .filter(|(_, ticket)| ticket["priority"] == "urgent")
        .count();
    ctx.logger().info(
        "Counted the tickets",
        json!({ "all": tickets.len(), "urgent": urgent }),
    );
    Ok(())
}
