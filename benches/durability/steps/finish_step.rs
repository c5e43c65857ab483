//! The event's effect and its acknowledgement are one commit.

use motia::prelude::*;
use serde::Deserialize;

#[derive(Deserialize, JsonSchema)]
struct Started {
    id: String,
}

#[motia::event(name = "Finish", subscribes = ["started"], atomic = true)]
fn handler(input: Started, ctx: Context) -> Result<()> {
    ctx.state().set("finished", &input.id, &json!({ "id": input.id }))?;
    Ok(())
}
