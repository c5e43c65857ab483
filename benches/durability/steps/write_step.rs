//! Durable work as small as it can be: one value is on disk before the answer.

use motia::prelude::*;

#[motia::api(name = "Write", method = "POST", path = "/write/:id")]
fn handler(req: Request<Value>, ctx: Context) -> Result<Response<Value>> {
    let id: String = req.param("id")?;
    ctx.state().set("values", &id, &json!({ "id": id }))?;
    Ok(Response::ok(json!({ "ok": true })))
}
