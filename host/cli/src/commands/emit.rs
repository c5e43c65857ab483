//! `motia emit`: an event for a running host.

use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Args;
use hyper::Method;
use serde_json::{Value, json};

use crate::client::{Client, DEFAULT_URL};

/// Emit an event to a running host.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  motia emit --topic message.sent --message '{\"text\":\"hi\"}'\n  \
                  motia emit --topic reminder --message '{}' --at 2030-01-31T08:00:00Z --id reminder-7\n\n\
                  The answer has the event's id, by which `motia cancel --event ID` takes it back while it waits."
)]
pub struct Emit {
    /// The topic.
    #[arg(long)]
    topic: String,
    /// The event's data, as JSON.
    #[arg(long)]
    message: String,
    /// A name of your own: within 24 hours, another event with the same name and topic is not stored.
    #[arg(long)]
    id: Option<String>,
    /// Deliver it after so many seconds.
    #[arg(long, value_name = "SECONDS", conflicts_with = "at")]
    delay: Option<f64>,
    /// Deliver it then: an ISO 8601 time, in UTC without an offset, or milliseconds since 1970.
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    /// From -100 to 100; events with a higher one are delivered first.
    #[arg(long, allow_negative_numbers = true)]
    priority: Option<i32>,
    /// Events of one group are delivered in order to steps whose queue is `fifo`.
    #[arg(long)]
    group: Option<String>,
    /// The host.
    #[arg(long, default_value = DEFAULT_URL)]
    url: String,
}

impl Emit {
    /// Sends it; the exit code is 1 if the host refuses.
    pub async fn run(self) -> Result<ExitCode> {
        let client = Client::new(&self.url, None)?;
        let (status, answer) = client.send(Method::POST, "/emit", Some(self.event()?)).await?;
        println!("{}", String::from_utf8_lossy(&answer));
        Ok(if status.is_success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    fn event(&self) -> Result<Value> {
        let data: Value = serde_json::from_str(&self.message)
            .with_context(|| format!("--message is not JSON: {}", self.message))?;
        // The host leaves out what is null.
        Ok(json!({
            "topic": self.topic,
            "data": data,
            "id": self.id,
            "delay": self.delay.map(|seconds| seconds * 1000.0),
            "at": self.at,
            "priority": self.priority,
            "messageGroupId": self.group,
        }))
    }
}
