//! `motia discard`: dead letters are removed.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use hyper::Method;
use serde_json::Value;

use super::{letters::LetterArguments, text::cell};
use crate::client::HostArguments;

/// Remove dead letters for good.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  motia discard --id 1042\n  motia discard --step Charge --until 2030-01-31\n  motia discard --all"
)]
pub struct Discard {
    #[command(flatten)]
    letters: LetterArguments,
    #[command(flatten)]
    host: HostArguments,
}

impl Discard {
    /// Removes them.
    pub async fn run(self) -> Result<ExitCode> {
        let body = Value::Object(self.letters.fields());
        let client = self.host.client()?;
        let answer = client.ask(Method::POST, "/dead-letters/discard", Some(body)).await?;
        println!("discarded: {}", cell(&answer["discarded"]));
        Ok(ExitCode::SUCCESS)
    }
}
