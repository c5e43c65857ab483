use motia::prelude::*;
use serde::Deserialize;

#[derive(Deserialize, JsonSchema)]
struct Ticket {
    id: String,
    title: String,
}

#[motia::event(
    name = "TriageTicket",
    description = "Decides how urgent a ticket is",
    subscribes = ["ticket.created"],
    flows = ["tickets"],
)]
fn handler(ticket: Ticket, ctx: Context) -> Result<()> {
    let words = std::env::var("URGENT_WORDS").unwrap_or_else(|_| "down,outage,urgent".to_owned());
    let title = ticket.title.to_lowercase();
    let is_urgent = words.split(',').any(|word| title.contains(word));
    let priority = if is_urgent { "urgent" } else { "normal" };
    let _: Value = ctx.state().update(
        "tickets",
        &ticket.id,
        Update::new().set("priority", priority),
    )?;
    ctx.logger().info(
        "Triaged a ticket",
        json!({ "id": ticket.id, "priority": priority }),
    );
    Ok(())
}
