//! `motia cron`: cron steps of a running host.

use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Subcommand};
use hyper::Method;

use super::text::cell;
use crate::client::{HostArguments, path};

/// Run a cron step beside its schedule.
#[derive(Args)]
#[command(
    after_help = "Example:\n  motia cron run CountMessages\n\nThe schedules and their next ticks: motia inspect crons"
)]
pub struct Cron {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    host: HostArguments,
}

#[derive(Subcommand)]
enum Action {
    /// Run a cron step now.
    Run {
        /// The step.
        step: String,
    },
}

impl Cron {
    /// Has it run.
    pub async fn run(self) -> Result<ExitCode> {
        let Action::Run { step } = &self.action;
        let client = self.host.client()?;
        let answer = client.ask(Method::POST, &path(&["crons", step, "run"]), None).await?;
        println!(
            "event {}; `motia inspect runs --step {step}` shows its end",
            cell(&answer["eventId"])
        );
        Ok(ExitCode::SUCCESS)
    }
}
