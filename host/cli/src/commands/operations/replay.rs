//! `motia replay`: runs again what has run.

use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Args;
use hyper::Method;
use serde_json::{Value, json};

use super::text::details;
use crate::client::{HostArguments, path};

/// Run a past run again, once, with its input or another one.
#[derive(Args)]
#[command(
    // `--version` is that of the steps here.
    disable_version_flag = true,
    after_help = "Examples:\n  motia replay 019aa3f1c2d000012\n  \
                  motia replay 019aa3f1c2d000012 --version 3f9a0c --input \"$(cat input.json)\"\n\n\
                  `motia inspect run ID --json` prints the input in the form that --input takes. What the step writes and\n\
                  emits takes effect; it is not attempted again if it fails."
)]
pub struct Replay {
    /// The run's id.
    run: String,
    /// Run it on the version whose digest begins so, if the host has served it since its start.
    #[arg(long = "version", value_name = "DIGEST")]
    deployment: Option<String>,
    /// Run it with this input, as JSON.
    #[arg(long, value_name = "JSON")]
    input: Option<String>,
    #[command(flatten)]
    host: HostArguments,
}

impl Replay {
    /// Runs it; the exit code is 1 if it fails.
    pub async fn run(self) -> Result<ExitCode> {
        let input: Value = match &self.input {
            Some(text) => serde_json::from_str(text).context("--input is not JSON")?,
            None => Value::Null,
        };
        let body = json!({ "version": self.deployment, "input": input });
        let path = path(&["runs", &self.run, "replay"]);
        let replayed = self.host.client()?.ask(Method::POST, &path, Some(body)).await?;
        print!("{}", details(&replayed));
        let failed = !replayed["error"].is_null();
        Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }
}
