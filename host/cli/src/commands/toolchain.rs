//! `motia toolchain`: what languages are built with: where it is, and what a release carries of it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Result, bail};
use clap::{Args, Subcommand, ValueEnum};
use motia_sandbox::Compiler;
use motia_toolchain::{Toolchain, cache_directory};

use super::build::sandbox;
use crate::progress;

/// Copy what a release carries of the toolchains, or tell where they are.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  motia toolchain export lib/motia\n  motia toolchain path javascript"
)]
pub struct Toolchains {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    Export(Export),
    Path(Location),
}

/// Copy what building steps needs, so that machines with the copy need neither Node nor Python for it.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  motia toolchain export lib/motia\n  motia toolchain export /tmp/carried --language python\n\n\
                  The copy is for this version of motia, and for this platform. It is found in `lib/motia` beside the `bin`\n\
                  directory of the executable, and in the directory that MOTIA_TOOLCHAINS names."
)]
struct Export {
    /// The directory to copy to; empty, or not there yet.
    directory: PathBuf,
    /// A language to copy; may be repeated [default: all of them].
    #[arg(long = "language", value_name = "LANGUAGE")]
    languages: Vec<Language>,
}

/// Print where the tools that made a language's engine are, to make components by hand.
#[derive(Args)]
#[command(
    after_help = "Example:\n  $(motia toolchain path python) -d wit -w step componentize app -o app.wasm\n\n\
                  They are there once a build has set them up on this machine."
)]
struct Location {
    /// The language.
    language: Language,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Language {
    /// JavaScript and TypeScript; their path is the directory with the packages.
    Javascript,
    /// Python; its path is the program componentize-py.
    Python,
}

impl Toolchains {
    /// Does what the subcommand says.
    pub async fn run(self) -> Result<ExitCode> {
        match self.what {
            What::Export(export) => export.run().await?,
            What::Path(location) => location.run(),
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Export {
    async fn run(self) -> Result<()> {
        let to = &self.directory;
        if fs::read_dir(to).is_ok_and(|mut entries| entries.next().is_some()) {
            bail!("{} is not empty; name a directory that is, or a new one", to.display());
        }
        let mut bytes: u64 = 0;
        for language in Language::value_variants() {
            if self.languages.is_empty() || self.languages.contains(language) {
                bytes += language.export(to).await?;
            }
        }
        println!("{}: {} MB", to.display(), bytes.div_ceil(1_000_000));
        println!("A release has it as `lib/motia` beside the `bin` directory of the executable;");
        println!("elsewhere, MOTIA_TOOLCHAINS names it.");
        Ok(())
    }
}

impl Language {
    async fn export(self, to: &Path) -> Result<u64> {
        let (cache, progress) = (cache_directory(), progress::for_terminal());
        Ok(match self {
            Self::Javascript => {
                let sandbox = sandbox(Compiler::Cranelift)?;
                Toolchain::export_javascript(&cache, &sandbox, to, &*progress).await?
            }
            Self::Python => Toolchain::export_python(&cache, to, &*progress)?,
        })
    }
}

impl Location {
    fn run(self) {
        let cache = cache_directory();
        let path = match self.language {
            Language::Javascript => Toolchain::javascript_directory(&cache),
            Language::Python => Toolchain::componentize_py(&cache),
        };
        println!("{}", path.display());
    }
}
