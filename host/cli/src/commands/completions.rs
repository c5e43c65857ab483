//! `motia completions`: completions for shells.

use std::{io, process::ExitCode};

use anyhow::Result;
use clap::{Args, CommandFactory};
use clap_complete::Shell;

/// Print completions for a shell.
#[derive(Args)]
#[command(
    after_help = "Example:\n  motia completions bash > ~/.local/share/bash-completion/completions/motia"
)]
pub struct Completions {
    /// The shell.
    shell: Shell,
}

impl Completions {
    /// Prints them.
    pub fn run(self) -> Result<ExitCode> {
        clap_complete::generate(
            self.shell,
            &mut crate::Arguments::command(),
            "motia",
            &mut io::stdout(),
        );
        Ok(ExitCode::SUCCESS)
    }
}
