//! Emits an event that says when.

use motia::prelude::*;

#[motia::api(name = "Start", method = "POST", path = "/start/:id", emits = ["started"])]
fn handler(req: Request<Value>, ctx: Context) -> Result<Response<Value>> {
    let id: String = req.param("id")?;
    ctx.emit("started", &json!({ "id": id }))?;
    Ok(Response::ok(json!({ "ok": true })))
}
