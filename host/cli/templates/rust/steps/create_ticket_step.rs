use motia::prelude::*;
use serde::{Deserialize, Serialize};

/// Its schema is the step's `bodySchema`: what does not fit is answered with 400.
#[derive(Deserialize, JsonSchema)]
struct NewTicket {
    #[schemars(length(min = 1, max = 200))]
    title: String,
}

#[derive(Serialize)]
struct Ticket {
    id: String,
    title: String,
    priority: &'static str,
}

#[motia::api(
    name = "CreateTicket",
    description = "Takes a ticket and has it triaged",
    method = "POST",
    path = "/tickets",
    emits = ["ticket.created"],
    flows = ["tickets"],
)]
fn handler(req: Request<NewTicket>, ctx: Context) -> Result<Response<Ticket>> {
    let ticket = Ticket {
        id: ctx.trace_id().to_owned(),
        title: req.body.title,
        priority: "unknown",
    };
    ctx.state().set("tickets", &ticket.id, &ticket)?;
    ctx.emit("ticket.created", &ticket)?;
    Ok(Response::created(ticket))
}
