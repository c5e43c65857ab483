//! `motia cancel`: ends what waits or runs.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use hyper::Method;

use crate::client::{HostArguments, path};

/// End a delivery or a run, or take back an event.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  motia cancel --delivery 1042\n  motia cancel --event 1870000000000000001\n  \
                  motia cancel --run 019aa3f1c2d000012"
)]
pub struct Cancel {
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    host: HostArguments,
}

#[derive(Args)]
#[group(required = true, multiple = false)]
struct Target {
    /// A delivery, waiting or running.
    #[arg(long, value_name = "ID")]
    delivery: Option<String>,
    /// An event, as far as nobody has attempted it.
    #[arg(long, value_name = "ID")]
    event: Option<String>,
    /// A run that goes on, with the deliveries that it attempts.
    #[arg(long, value_name = "ID")]
    run: Option<String>,
}

impl Cancel {
    /// Ends it; an error if there was nothing to end.
    pub async fn run(self) -> Result<ExitCode> {
        let Target { delivery, event, run } = &self.target;
        let targets = [("deliveries", delivery), ("events", event), ("runs", run)];
        let client = self.host.client()?;
        for (subject, id) in targets {
            let Some(id) = id else { continue };
            client.ask(Method::DELETE, &path(&[subject, id]), None).await?;
            println!("{id} is cancelled");
        }
        Ok(ExitCode::SUCCESS)
    }
}
