//! `motia build`: a project's steps as components.

use std::{path::PathBuf, process::ExitCode, sync::Arc, time::Instant};

use anyhow::Result;
use clap::Args;
use motia_sandbox::{Compiler, Sandbox, SandboxOptions};
use motia_toolchain::{
    Broken, BuildErrors, BuildOptions, BuildReport, Form, Progress, Silent, Toolchain,
    cache_directory,
};
use serde_json::json;

use super::{
    host::precompile,
    watch::{Changes, announce},
};
use crate::progress;

/// Compile the steps of a project to components.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  motia build\n  motia build my-project --out /srv/bundles/my-project\n  motia build --watch\n  motia build --precompile && motia serve\n\n\
                        What a language needs is set up at its first use and kept in the user's cache."
)]
pub struct Build {
    /// The project.
    #[arg(default_value = ".")]
    project: PathBuf,
    /// The bundle's directory [default: dist in the project].
    #[arg(long)]
    out: Option<PathBuf>,
    /// Print one JSON object for each build instead of a table.
    #[arg(long)]
    json: bool,
    /// Make ordinary components, engine included, which other hosts run as well.
    #[arg(long)]
    self_contained: bool,
    /// Compile to native code as well, which `motia serve` on this machine then finds in the cache.
    #[arg(long)]
    precompile: bool,
    /// Go on and build again what changes, until ctrl-C; a build with errors leaves the bundle as it was.
    #[arg(long)]
    watch: bool,
}

impl Build {
    /// Builds; the exit code is 1 if the project has errors.
    pub async fn run(self) -> Result<ExitCode> {
        let options = BuildOptions {
            out: self.out.unwrap_or_else(|| self.project.join("dist")),
            project: self.project,
            broken: Broken::Fail,
            form: if self.self_contained { Form::SelfContained } else { Form::Shared },
        };
        // Before the first build, so that no change is missed.
        let changes = match self.watch {
            true => Some(Changes::of(&options.project, &[&options.out])?),
            false => None,
        };
        let sandbox = Arc::new(sandbox(Compiler::Cranelift)?);
        let toolchain = Toolchain::new(cache_directory(), Arc::clone(&sandbox));
        let built = build(&toolchain, &options, progress::for_terminal(), self.json).await;
        if let (Some(report), false) = (&built, self.json) {
            print(report);
            println!("{} steps in {}", report.manifest.steps.len(), options.out.display());
        }
        if self.precompile && built.is_some() {
            precompile(options.out.clone(), &sandbox).await?;
        }
        let Some(changes) = changes else {
            return Ok(if built.is_some() { ExitCode::SUCCESS } else { ExitCode::FAILURE });
        };
        eprintln!("watching {}; ctrl-C ends it", options.project.display());
        loop {
            changes.next().await;
            let started = Instant::now();
            let built = build(&toolchain, &options, Arc::new(Silent), self.json).await;
            if let (Some(report), false) = (&built, self.json) {
                announce(report, started);
            }
        }
    }
}

/// Builds once and prints the errors and what programs read.
async fn build(
    toolchain: &Toolchain,
    options: &BuildOptions,
    progress: Arc<dyn Progress>,
    json: bool,
) -> Option<BuildReport> {
    let built = toolchain.build(options, progress).await;
    if json {
        println!("{}", built.as_ref().map_or_else(errors_json, report_json));
    }
    built.inspect_err(|errors| eprintln!("{errors}")).ok()
}

/// The sandbox that all commands use: they share native code through the cache.
pub fn sandbox(compiler: Compiler) -> Result<Sandbox> {
    let options = SandboxOptions {
        compiler,
        code_directory: Some(cache_directory().join("code")),
        instances: 128,
        ..SandboxOptions::default()
    };
    Ok(Sandbox::new(&options)?)
}

/// One line for each source.
pub fn print(report: &BuildReport) {
    for step in &report.steps {
        let how = match step.cached {
            true => "unchanged".to_owned(),
            false => format!("{} ms", step.ms),
        };
        println!("{:<6} {:<32} {} ({how})", step.kind, step.name, step.file);
    }
    for warning in &report.warnings {
        eprintln!("warning: {warning}");
    }
}

fn report_json(report: &BuildReport) -> serde_json::Value {
    json!({ "ok": true, "steps": report.steps, "warnings": report.warnings })
}

fn errors_json(errors: &BuildErrors) -> serde_json::Value {
    let errors: Vec<_> = errors
        .0
        .iter()
        .map(|error| {
            let position = error.position.as_ref();
            json!({
                "file": error.file,
                "line": position.map(|position| position.line),
                "column": position.and_then(|position| position.column),
                "message": error.message,
            })
        })
        .collect();
    json!({ "ok": false, "errors": errors })
}
