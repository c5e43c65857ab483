use motia::prelude::*;

#[motia::api(
    name = "GetTicket",
    description = "Reads one ticket",
    method = "GET",
    path = "/tickets/:id",
    flows = ["tickets"],
)]
fn handler(req: Request, ctx: Context) -> Result<Response> {
    let id: String = req.param("id")?;
    let ticket: Option<Value> = ctx.state().get("tickets", &id)?;
    let ticket = ticket.ok_or_else(|| Error::new("no such ticket").status(404))?;
    Ok(Response::ok(ticket))
}
