//! `motia dev`: build, serve, watch, and swap what changed.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    time::Instant,
};

use anyhow::{Context, Result};
use clap::Args;
use motia_engine::{Deployment, Engine};
use motia_sandbox::{Compiler, OutgoingHttp, Sandbox};
use motia_server::{ApiAccess, BuildFault, BuildStatus, ServerOptions};
use motia_toolchain::{
    Broken, BuildError, BuildErrors, BuildOptions, BuildReport, Form, Silent, Toolchain,
    cache_directory, types,
};
use tokio::sync::watch;

use super::{
    build::{print, sandbox},
    host::{Host, LimitArguments, StorageArguments, deployment},
    watch::{Changes, announce, rebuilt},
};
use crate::{environment, progress};

/// Build and serve a project, and rebuild what changes.
#[derive(Args)]
#[command(after_help = "Examples:\n  motia dev\n  motia dev my-project --port 4000\n\n\
                        Errors of the build are shown in the terminal, over HTML pages that steps answer with, and at /__motia/.\n\
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
    #[command(flatten)]
    storage: StorageArguments,
}

/// Builds and deploys one project.
struct Builder {
    toolchain: Toolchain,
    sandbox: Arc<Sandbox>,
    options: BuildOptions,
    limits: LimitArguments,
}

impl Dev {
    /// Serves until it is told to stop.
    pub async fn run(self) -> Result<ExitCode> {
        let project = std::fs::canonicalize(&self.project)
            .with_context(|| self.project.display().to_string())?;
        // Winch compiles a new engine many times faster, and nobody measures a server in dev.
        let sandbox = Arc::new(sandbox(Compiler::WinchFirst)?);
        let builder = Builder {
            toolchain: Toolchain::new(cache_directory(), Arc::clone(&sandbox)),
            sandbox: Arc::clone(&sandbox),
            options: BuildOptions {
                out: project.join(".motia/dev"),
                project: project.clone(),
                broken: Broken::LeaveOut,
                form: Form::Quick,
            },
            limits: self.limits.clone(),
        };
        // Before the first build, so that no change is missed.
        let data = self.data.unwrap_or_else(|| project.join(".motia/data"));
        let changes = Changes::of(&project, &[&builder.options.out, &data])?;
        let started = Instant::now();
        let report = match builder.toolchain.build(&builder.options, progress::for_terminal()).await
        {
            Ok(report) => report,
            Err(errors) => {
                eprintln!("{errors}");
                return Ok(ExitCode::FAILURE);
            }
        };
        print(&report);
        write_types(&project, &report);
        if !report.errors.0.is_empty() {
            eprintln!("{}; the other steps are served", report.errors);
        }
        let deployment = builder.deployment(None).await?;
        let addr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), self.port);
        let (status, build_status) = watch::channel(status_of(&report, started));
        let server = ServerOptions {
            build_status: Some(build_status),
            api: ApiAccess::Local,
            name: project.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            plugins: Some(project.join("workbench")),
            project: Some(project.clone()),
            ..self.limits.server_options(true)
        };
        let host =
            Host::start(addr, &data, Arc::clone(&sandbox), deployment, server, &self.storage)
                .await
                .context("motia dev cannot start")?;
        eprintln!(
            "steps may send requests to any host in dev; `motia serve` allows only --allow-http"
        );
        sandbox.improve();
        let engine = host.engine().clone();
        let rebuilding = tokio::spawn(rebuild(builder, engine, changes, status));
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

    /// Builds and deploys; the version before serves on while the project has errors.
    async fn rebuild(&self, engine: &Engine) -> BuildStatus {
        let started = Instant::now();
        let report = match self.toolchain.build(&self.options, Arc::new(Silent)).await {
            Ok(report) => report,
            Err(errors) => {
                eprintln!("{errors}; the version before is served on");
                return broken(&errors);
            }
        };
        // A step that is served is not taken away because its file is broken for the moment.
        if report.left_out.iter().any(|file| serves(engine, file)) {
            eprintln!("{}; the version before is served on", report.errors);
            return broken(&report.errors);
        }
        let deployment = match self.deployment(Some(engine.deployment())).await {
            Ok(deployment) => deployment,
            Err(error) => {
                eprintln!("error: {error:#}\nthe version before is served on");
                let error = BuildError::general(format!("{error:#}"));
                return broken(&BuildErrors::new(vec![error]));
            }
        };
        engine.deploy(deployment);
        self.sandbox.improve();
        announce(&report, started);
        write_types(&self.options.project, &report);
        if !report.errors.0.is_empty() {
            eprintln!("{}; the other steps are served", report.errors);
        }
        status_of(&report, started)
    }
}

/// Rebuilds after every change. One that comes during a build is seen after it, so that the newest
/// state is built in the end.
async fn rebuild(
    builder: Builder,
    engine: Engine,
    changes: Changes,
    status: watch::Sender<BuildStatus>,
) {
    loop {
        changes.next().await;
        status.send_replace(BuildStatus::Building);
        status.send_replace(builder.rebuild(&engine).await);
    }
}

fn serves(engine: &Engine, file: &str) -> bool {
    engine.deployment().steps().iter().any(|step| step.step.file == file)
}

/// Keeps the types for editors up to date. Those of a step that is broken for the moment stay as they
/// were.
fn write_types(project: &Path, report: &BuildReport) {
    if !report.left_out.is_empty() {
        return;
    }
    match types::write(&report.manifest, project) {
        Ok(warnings) => {
            for warning in warnings.iter().filter(|known| !report.warnings.contains(known)) {
                eprintln!("warning: {warning}");
            }
        }
        Err(error) => eprintln!("warning: the types for editors cannot be written: {error}"),
    }
}

/// The status after a build that made a bundle.
fn status_of(report: &BuildReport, started: Instant) -> BuildStatus {
    if !report.errors.0.is_empty() {
        return broken(&report.errors);
    }
    let ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    BuildStatus::Good { ms, rebuilt: rebuilt(report).map(str::to_owned).collect() }
}

fn broken(errors: &BuildErrors) -> BuildStatus {
    BuildStatus::Broken { errors: errors.0.iter().map(fault).collect() }
}

fn fault(error: &BuildError) -> BuildFault {
    let position = error.position.as_ref();
    BuildFault {
        file: error.file.clone(),
        line: position.map(|position| position.line),
        column: position.and_then(|position| position.column),
        excerpt: position.and_then(|position| position.excerpt.clone()),
        message: error.message.clone(),
    }
}
