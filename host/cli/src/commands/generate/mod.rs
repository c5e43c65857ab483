//! `motia generate`: files that follow from a project, and new steps for it.

mod step;

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use motia_manifest::{Bundle, Manifest};
use motia_sandbox::Compiler;
use motia_toolchain::{Broken, BuildOptions, Form, Toolchain, cache_directory, openapi, types};
use serde_json::Value;

use super::build::sandbox;
use crate::progress;

/// Write an OpenAPI document, types for editors, or a new step.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  motia generate openapi\n  motia generate types my-project\n  \
                  motia generate step CreateOrder --type api --language typescript --method POST --path /orders"
)]
pub struct Generate {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    Openapi(Openapi),
    Types(Types),
    Step(step::Step),
}

/// Describe the HTTP endpoints of a project as an OpenAPI 3.1 document.
#[derive(Args)]
#[command(
    // `--version` is that of the interface here.
    disable_version_flag = true,
    after_help = "Examples:\n  motia generate openapi\n  motia generate openapi my-project --out - --version 2.0.0\n\n\
                  The project is built first, unless --bundle names a bundle."
)]
struct Openapi {
    /// The project.
    #[arg(default_value = ".")]
    project: PathBuf,
    /// The file to write; `-` is standard output [default: openapi.json in the project].
    #[arg(long, short)]
    out: Option<PathBuf>,
    /// The interface's title [default: the name in package.json, or the project's directory].
    #[arg(long, short)]
    title: Option<String>,
    /// The interface's version [default: the version in package.json, or 1.0.0].
    #[arg(long, short)]
    version: Option<String>,
    /// Describe what is built already.
    #[arg(long)]
    bundle: Option<PathBuf>,
}

/// Write types of the project's steps, events and streams for editors and type checkers.
#[derive(Args)]
#[command(after_help = "Examples:\n  motia generate types\n  motia generate types my-project")]
struct Types {
    /// The project.
    #[arg(default_value = ".")]
    project: PathBuf,
}

impl Generate {
    /// Generates; the exit code is 1 if the project has errors.
    pub async fn run(self) -> Result<ExitCode> {
        match self.what {
            What::Openapi(openapi) => openapi.run().await,
            What::Types(types) => types.run().await,
            What::Step(step) => step.run(),
        }
    }
}

impl Openapi {
    async fn run(self) -> Result<ExitCode> {
        let manifest = match &self.bundle {
            Some(bundle) => Bundle::open(bundle)?.manifest().clone(),
            None => match built(&self.project).await? {
                Some(manifest) => manifest,
                None => return Ok(ExitCode::FAILURE),
            },
        };
        let package = package(&self.project)?;
        let of_package = |field: &str| package[field].as_str().map(str::to_owned);
        let title = match self.title.or_else(|| of_package("name")) {
            Some(title) => title,
            None => directory_name(&self.project)?,
        };
        let version =
            self.version.or_else(|| of_package("version")).unwrap_or_else(|| "1.0.0".to_owned());
        let document = openapi::document(&manifest, &title, &version);
        for step in openapi::left_out(&manifest, &document) {
            eprintln!(
                "warning: {}: {} is left out: OpenAPI cannot tell its path from another step's",
                step.file, step.config.name
            );
        }
        let text = serde_json::to_string_pretty(&document)?;
        if self.out.as_deref() == Some(Path::new("-")) {
            println!("{text}");
            return Ok(ExitCode::SUCCESS);
        }
        let out = self.out.unwrap_or_else(|| self.project.join("openapi.json"));
        fs::write(&out, text + "\n").with_context(|| out.display().to_string())?;
        println!("{} is written", out.display());
        Ok(ExitCode::SUCCESS)
    }
}

impl Types {
    async fn run(self) -> Result<ExitCode> {
        let Some(manifest) = built(&self.project).await? else { return Ok(ExitCode::FAILURE) };
        let warnings = types::write(&manifest, &self.project)
            .with_context(|| self.project.display().to_string())?;
        for warning in warnings {
            eprintln!("warning: {warning}");
        }
        println!("the types of {} steps are up to date", manifest.steps.len());
        Ok(ExitCode::SUCCESS)
    }
}

/// The manifest of a project, built where `motia dev` builds; none if it has errors, which are told.
async fn built(project: &Path) -> Result<Option<Manifest>> {
    let options = BuildOptions {
        project: project.to_owned(),
        out: project.join(".motia/dev"),
        broken: Broken::Fail,
        form: Form::Quick,
    };
    let toolchain = Toolchain::new(cache_directory(), Arc::new(sandbox(Compiler::WinchFirst)?));
    match toolchain.build(&options, progress::for_terminal()).await {
        Ok(report) => {
            for warning in &report.warnings {
                eprintln!("warning: {warning}");
            }
            Ok(Some(report.manifest))
        }
        Err(errors) => {
            eprintln!("{errors}");
            Ok(None)
        }
    }
}

/// The project's package.json; null if it has none.
fn package(project: &Path) -> Result<Value> {
    let file = project.join("package.json");
    match fs::read(&file) {
        Ok(text) => serde_json::from_slice(&text).with_context(|| file.display().to_string()),
        Err(_) => Ok(Value::Null),
    }
}

fn directory_name(project: &Path) -> Result<String> {
    let project = fs::canonicalize(project).with_context(|| project.display().to_string())?;
    Ok(project.file_name().unwrap_or_default().to_string_lossy().into_owned())
}
