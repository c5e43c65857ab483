use motia::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, JsonSchema)]
struct Message {
    text: String,
}

#[motia::event(
    name = "ProcessMessage",
    description = "Logs each message",
    subscribes = ["message.sent"],
    flows = ["messages"],
)]
fn handler(input: Message, ctx: Context) {
    ctx.logger().info("Processing message", &input);
}
