use motia::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Deserialize, JsonSchema)]
struct Message {
    text: String,
}

#[derive(Serialize, JsonSchema)]
struct Accepted {
    ok: bool,
}

#[motia::api(
    name = "SendMessage",
    description = "Takes a message and hands it on",
    method = "POST",
    path = "/messages",
    emits = ["message.sent"],
    flows = ["messages"],
)]
fn handler(req: Request<Message>, ctx: Context) -> Result<Response<Accepted>> {
    ctx.emit("message.sent", &json!({ "text": req.body.text }))?;
    Ok(Response::ok(Accepted { ok: true }))
}
