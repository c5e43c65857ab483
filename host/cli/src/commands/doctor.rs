//! `motia doctor`: what there is of each language, and what is missing.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use motia_toolchain::{Finding, State, Toolchain, cache_directory};

/// Tell what this machine has for building and serving steps.
#[derive(Args)]
#[command(
    after_help = "Example:\n  motia doctor\n\nA language is needed only by projects that have steps in it. Caches are in \
                        MOTIA_CACHE, or in the user's cache directory; what a release carries is in MOTIA_TOOLCHAINS, \
                        or in `lib/motia` beside the `bin` directory of the executable."
)]
pub struct Doctor {}

impl Doctor {
    /// Prints the findings; fails if something is missing that does not come by itself.
    pub fn run(self) -> Result<ExitCode> {
        let cache = cache_directory();
        println!("cache: {}", cache.display());
        println!("default limits of an invocation: {:#?}", motia_sandbox::Limits::default());
        let mut missing = false;
        for Finding { what, state } in Toolchain::doctor(&cache) {
            match state {
                State::Present(found) => println!("ok       {what}: {found}"),
                State::Later(when) => println!("later    {what}: {when}"),
                State::Optional(mend) => println!("optional {what}: {mend}"),
                State::Missing(mend) => {
                    missing = true;
                    println!("missing  {what}: {mend}");
                }
            }
        }
        Ok(if missing { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }
}
