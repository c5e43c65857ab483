use motia::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, JsonSchema)]
struct Message {
    text: String,
}

#[motia::event(
    name = "ReverseMessage",
    description = "Writes the message backwards",
    subscribes = ["message.sent"],
    flows = ["messages"],
)]
fn handler(input: Message, ctx: Context) -> Result<()> {
    ctx.logger().info("Processing message", &input);
    let reversed: String = input.text.chars().rev().collect();
    let _: Value = ctx.state().update(
        "messages",
        ctx.trace_id(),
        Update::new().set("rust", reversed),
    )?;
    Ok(())
}
