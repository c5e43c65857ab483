//! `motia restore`: a backup becomes a data directory.

use std::{path::PathBuf, process::ExitCode};

use anyhow::Result;
use clap::Args;
use motia_store::Replace;

/// Put a backup where a host finds it.
#[derive(Args)]
#[command(
    after_help = "Example:\n  motia restore /backups/2030-01-31 --data /var/lib/my-project --keep-old\n\n\
                  No host may use the data directory meanwhile."
)]
pub struct Restore {
    /// The backup.
    from: PathBuf,
    /// The data directory.
    #[arg(long, default_value = ".motia/data")]
    data: PathBuf,
    /// If there is data already, move it into a directory beside the new one instead of refusing.
    #[arg(long)]
    keep_old: bool,
}

impl Restore {
    /// Checks the backup and copies it.
    pub fn run(self) -> Result<ExitCode> {
        let replace = if self.keep_old { Replace::KeepOld } else { Replace::No };
        let backup = motia_store::restore(&self.from, &self.data, replace)?;
        println!("{}: restored, {} bytes", self.data.display(), backup.bytes);
        Ok(ExitCode::SUCCESS)
    }
}
