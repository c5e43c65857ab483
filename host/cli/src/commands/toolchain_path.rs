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
    /// The directory with the packages that JavaScript is built with.
    Javascript,
    /// The program componentize-py.
    Python,
}

impl ToolchainPath {
    /// Prints it.
    pub fn run(self) -> Result<ExitCode> {
        match self.language {
            Language::Javascript => {
                println!("{}", Toolchain::javascript_directory(&cache_directory()).display());
            }
            Language::Python => {
                println!("{}", Toolchain::componentize_py(&cache_directory()).display());
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}
