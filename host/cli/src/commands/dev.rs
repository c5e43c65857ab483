//! `motia dev`: build, serve, watch, and swap what changed.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use clap::Args;
use motia_engine::{Deployment, Engine};
use motia_sandbox::{Compiler, OutgoingHttp, Sandbox};
use motia_toolchain::{Broken, BuildOptions, BuildReport, Silent, Toolchain, cache_directory};
use notify::{RecursiveMode, Watcher};
use tokio::sync::mpsc;

use super::{
    build::{print, sandbox},
    host::{Host, LimitArguments, deployment},
};
use crate::{environment, progress};

/// Build and serve a project, and rebuild what changes.
#[derive(Args)]
#[command(after_help = "Examples:\n  motia dev\n  motia dev my-project --port 4000\n\n\
                        Steps may send requests to any host here, and errors are shown to the client; `motia serve` allows neither.")]
pub struct Dev {
    /// The project.
    #[arg(default_value = ".")]
    project: PathBuf,
    /// The port; on the loopback address only.
    #[arg(long, short, default_value_t = 3000)]
    port: u16,
    /// The data directory [default: .motia/data in the project].
    #[arg(long)]
    data: Option<PathBuf>,
    #[command(flatten)]
    limits: LimitArguments,
}

/// Builds and deploys one project.
struct Builder {
    toolchain: Toolchain,
    sandbox: Arc<Sandbox>,
    options: BuildOptions,
    limits: LimitArguments,
}

/// Editors write a file in several steps; this much quiet ends them.
const QUIET: Duration = Duration::from_millis(30);

impl Dev {
    /// Serves until it is told to stop.
    pub async fn run(self) -> Result<ExitCode> {
        let project = std::fs::canonicalize(&self.project)
            .with_context(|| self.project.display().to_string())?;
        // Winch compiles a new engine many times faster, and nobody measures a server in dev.
        let sandbox = Arc::new(sandbox(Compiler::Winch)?);
        let builder = Builder {
            toolchain: Toolchain::new(cache_directory(), Arc::clone(&sandbox)),
            sandbox: Arc::clone(&sandbox),
            options: BuildOptions {
                out: project.join(".motia/dev"),
                project: project.clone(),
                broken: Broken::LeaveOut,
            },
            limits: self.limits.clone(),
        };
        // Before the first build, so that no change is missed.
        let (changes, _watcher) = watch(&project)?;
        let report = match builder.toolchain.build(&builder.options, progress::for_terminal()).await
        {
            Ok(report) => report,
            Err(errors) => {
                eprintln!("{errors}");
                return Ok(ExitCode::FAILURE);
            }
        };
        print(&report);
        if !report.errors.0.is_empty() {
            eprintln!("{}; the other steps are served", report.errors);
        }
        let deployment = builder.deployment(None).await?;
        let addr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), self.port);
        let data = self.data.unwrap_or_else(|| project.join(".motia/data"));
        let server = self.limits.server_options(true);
        let host = Host::start(addr, &data, sandbox, deployment, server)
            .await
            .context("motia dev cannot start (another port: --port)")?;
        eprintln!(
            "steps may send requests to any host in dev; `motia serve` allows only --allow-http"
        );
        let engine = host.engine().clone();
        let rebuilding = tokio::spawn(rebuild(builder, engine, changes));
        host.run().await?;
        rebuilding.abort();
        Ok(ExitCode::SUCCESS)
    }
}

impl Builder {
    async fn deployment(&self, before: Option<Arc<Deployment>>) -> Result<Arc<Deployment>> {
        let environment = environment::read(&self.options.project.join(".env"), false)?;
        let options = self.limits.deployment_options(environment, OutgoingHttp::Open, true)?;
        deployment(self.options.out.clone(), &self.sandbox, options, before).await
    }
}

/// Rebuilds after every change; the version before serves on while the project has errors.
async fn rebuild(builder: Builder, engine: Engine, mut changes: mpsc::UnboundedReceiver<PathBuf>) {
    while changes.recv().await.is_some() {
        while tokio::time::timeout(QUIET, changes.recv()).await.is_ok_and(|more| more.is_some()) {}
        let started = Instant::now();
        match builder.toolchain.build(&builder.options, Arc::new(Silent)).await {
            // A step that is served is not taken away because its file is broken for the moment.
            Ok(report) if report.left_out.iter().any(|file| serves(&engine, file)) => {
                eprintln!("{}; the version before is served on", report.errors);
            }
            Ok(report) => match builder.deployment(Some(engine.deployment())).await {
                Ok(deployment) => {
                    engine.deploy(deployment);
                    announce(&report, started);
                    if !report.errors.0.is_empty() {
                        eprintln!("{}; the other steps are served", report.errors);
                    }
                }
                Err(error) => eprintln!("error: {error:#}\nthe version before is served on"),
            },
            Err(errors) => eprintln!("{errors}; the version before is served on"),
        }
    }
}

fn serves(engine: &Engine, file: &str) -> bool {
    engine.deployment().steps().iter().any(|step| step.step.file == file)
}

fn announce(report: &BuildReport, started: Instant) {
    let ms = started.elapsed().as_millis();
    for step in report.steps.iter().filter(|step| !step.cached) {
        eprintln!("rebuilt {} in {ms} ms", step.file);
    }
    for warning in &report.warnings {
        eprintln!("warning: {warning}");
    }
}

/// Tells of changed files that can matter to a build.
fn watch(project: &Path) -> Result<(mpsc::UnboundedReceiver<PathBuf>, impl Watcher)> {
    let (sender, receiver) = mpsc::unbounded_channel();
    let root = project.to_owned();
    let matters = move |path: &Path| {
        let relative = path.strip_prefix(&root).unwrap_or(path);
        !relative.components().any(|part| {
            matches!(
                part.as_os_str().to_str(),
                Some(".motia" | ".git" | "node_modules" | "dist" | "target" | "__pycache__")
            )
        })
    };
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        let Ok(event) = event else { return };
        if event.kind.is_access() {
            return;
        }
        for path in event.paths.into_iter().filter(|path| matters(path)) {
            // The receiver is gone only when the process stops.
            let _ = sender.send(path);
        }
    })
    .context("files cannot be watched")?;
    watcher
        .watch(project, RecursiveMode::Recursive)
        .with_context(|| format!("{} cannot be watched", project.display()))?;
    Ok((receiver, watcher))
}
