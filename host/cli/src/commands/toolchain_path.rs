//! `motia toolchain-path`: where a language's own tool is, for those who build components by hand.

use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, ValueEnum};
use motia_toolchain::{Toolchain, cache_directory};

/// Print the path of a language's own componentizer.
#[derive(Args)]
pub struct ToolchainPath {
    /// The language.
    language: Language,
}

#[derive(Clone, Copy, ValueEnum)]
enum Language {
    Python,
}

impl ToolchainPath {
    /// Prints it.
    pub fn run(self) -> Result<ExitCode> {
        match self.language {
            Language::Python => {
                println!("{}", Toolchain::componentize_py(&cache_directory()).display());
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}
