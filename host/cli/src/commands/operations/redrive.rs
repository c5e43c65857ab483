//! `motia redrive`: dead letters become deliveries again.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use hyper::Method;
use serde_json::{Value, json};

use super::{letters::LetterArguments, text::cell};
use crate::client::HostArguments;

/// Let dead letters be attempted again.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  motia redrive --id 1042\n  motia redrive --step Charge --code handler_timeout --rate 20\n  \
                  motia redrive --all\n\n\
                  They come back at a steady rate, with all their attempts, and let new events go first."
)]
pub struct Redrive {
    #[command(flatten)]
    letters: LetterArguments,
    /// So many a second [default: 100].
    #[arg(long, value_name = "N")]
    rate: Option<u32>,
    #[command(flatten)]
    host: HostArguments,
}

impl Redrive {
    /// Begins it; the host goes on with it.
    pub async fn run(self) -> Result<ExitCode> {
        let mut body = self.letters.fields();
        body.insert("perSecond".to_owned(), json!(self.rate));
        let client = self.host.client()?;
        let answer =
            client.ask(Method::POST, "/dead-letters/redrive", Some(Value::Object(body))).await?;
        let id = cell(&answer["id"]);
        println!("redrive {id} has begun; `motia inspect redrives` shows it until it is done");
        Ok(ExitCode::SUCCESS)
    }
}
