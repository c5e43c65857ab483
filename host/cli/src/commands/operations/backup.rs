//! `motia backup`: a copy of a data directory.

use std::{path::PathBuf, process::ExitCode};

use anyhow::Result;
use clap::Args;

/// Copy a data directory, also while a host uses it.
#[derive(Args)]
#[command(
    after_help = "Example:\n  motia backup --data /var/lib/my-project /backups/$(date +%F)\n\n\
                  Everything that was acknowledged before is in the copy. The directory must be new or empty."
)]
pub struct Backup {
    /// The directory to copy to.
    to: PathBuf,
    /// The data directory.
    #[arg(long, default_value = ".motia/data")]
    data: PathBuf,
}

impl Backup {
    /// Copies it.
    pub fn run(self) -> Result<ExitCode> {
        let backup = motia_store::backup(&self.data, &self.to)?;
        for warning in &backup.warnings {
            eprintln!("warning: {warning}");
        }
        let (bytes, days) = (backup.bytes, backup.runs.len());
        println!("{}: {bytes} bytes; days of runs: {days}", self.to.display());
        Ok(ExitCode::SUCCESS)
    }
}
