//! What `serve` and `dev` share: the options of a host, and its life from start to stop.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use clap::Args;
use motia_engine::{Deployment, DeploymentOptions, Engine, EngineOptions};
use motia_manifest::Bundle;
use motia_sandbox::{Limits, OutgoingHttp, Sandbox};
use motia_server::{ExportOptions, Exporter, Server, ServerOptions, export};
use motia_store::{SqliteOptions, SqliteStore, Telemetry, TelemetryOptions};
use motia_toolchain::cache_directory;

/// How long a stopping host waits for what is in flight.
const PATIENCE: Duration = Duration::from_secs(30);
/// The subcommand that runs one query for a host.
pub const QUERY_WORKER: &str = "query-worker";
/// How long a collector may take for the last telemetry.
const EXPORT_PATIENCE: Duration = Duration::from_secs(5);

/// The name of this service for collectors, unless `OTEL_SERVICE_NAME` says another.
const SERVICE: &str = "motia";

/// Limits that `serve` and `dev` let a user set.
#[derive(Args, Clone)]
pub struct LimitArguments {
    /// The longest request body, in bytes.
    #[arg(long, default_value_t = 10 * 1024 * 1024, value_name = "BYTES")]
    body_limit: usize,
    /// The longest time of an api invocation, in seconds.
    #[arg(long, default_value_t = 30.0, value_name = "SECONDS")]
    wall_clock: f64,
    /// The longest time that a guest may compute in an api invocation, in seconds.
    #[arg(long, default_value_t = 10.0, value_name = "SECONDS")]
    cpu: f64,
    /// The memory of an invocation, in MiB.
    #[arg(long, default_value_t = 256, value_name = "MIB")]
    memory: usize,
}

/// How `serve` and `dev` keep data.
#[derive(Args, Clone)]
pub struct StorageArguments {
    /// Take no new work while less than this is free on the disk with the data, in MiB.
    #[arg(long, default_value_t = 64, value_name = "MIB")]
    min_free: u64,
    /// For how many days it is kept what was run; with 0, nothing of it is.
    #[arg(long, default_value_t = 7, value_name = "DAYS")]
    keep_runs: u32,
    /// For how many days dead letters are kept.
    #[arg(
        long,
        default_value_t = 30,
        value_name = "DAYS",
        value_parser = clap::value_parser!(u32).range(1..=36_500)
    )]
    keep_dead_letters: u32,
}

/// A running host.
pub struct Host {
    engine: Engine,
    server: Server,
    exporter: Option<Exporter>,
}

/// Compiles what a bundle needs, so that a host that shares the cache starts at once.
pub async fn precompile(bundle: PathBuf, sandbox: &Arc<Sandbox>) -> Result<()> {
    let options = DeploymentOptions {
        environment: Vec::new(),
        outgoing_http: OutgoingHttp::Listed(Vec::new()),
        strict_responses: false,
        files_directory: cache_directory().join("files"),
        api_limits: Limits::default(),
        background_limits: Limits::background(),
    };
    deployment(bundle, sandbox, options, None).await?;
    Ok(())
}

impl LimitArguments {
    /// What a deployment grants.
    pub fn deployment_options(
        &self,
        environment: Vec<(String, String)>,
        outgoing_http: OutgoingHttp,
        strict_responses: bool,
    ) -> Result<DeploymentOptions> {
        let seconds = |name, value: f64| {
            Duration::try_from_secs_f64(value)
                .ok()
                .filter(|duration| !duration.is_zero())
                .with_context(|| format!("--{name} {value}: expected a positive number of seconds"))
        };
        let memory = self.memory << 20;
        Ok(DeploymentOptions {
            environment,
            outgoing_http,
            strict_responses,
            files_directory: cache_directory().join("files"),
            api_limits: Limits {
                wall_clock: seconds("wall-clock", self.wall_clock)?,
                cpu: seconds("cpu", self.cpu)?,
                memory,
                ..Limits::default()
            },
            background_limits: Limits { memory, ..Limits::background() },
        })
    }

    /// What the HTTP server takes.
    pub fn server_options(&self, expose_errors: bool) -> ServerOptions {
        ServerOptions { body_limit: self.body_limit, expose_errors, ..ServerOptions::default() }
    }
}

impl StorageArguments {
    fn open_store(&self, data: &Path) -> Result<SqliteStore> {
        let min_free_bytes = self.min_free.saturating_mul(1 << 20);
        let options = SqliteOptions { min_free_bytes, ..SqliteOptions::default() };
        Ok(SqliteStore::open_with(data, &options)?)
    }

    fn open_telemetry(&self, data: &Path) -> Result<Option<Telemetry>> {
        if self.keep_runs == 0 {
            return Ok(None);
        }
        let options = TelemetryOptions { keep_days: self.keep_runs, ..TelemetryOptions::default() };
        let telemetry = Telemetry::open(data, options).context("cannot record what is run")?;
        Ok(Some(telemetry))
    }

    fn engine_options(&self) -> Result<EngineOptions> {
        let days = u64::from(self.keep_dead_letters);
        let program = std::env::current_exe().context("the path of this program is not known")?;
        Ok(EngineOptions {
            keep_dead_letters: Duration::from_secs(days * 24 * 60 * 60),
            query_command: vec![program.into(), QUERY_WORKER.into()],
            ..EngineOptions::default()
        })
    }
}

/// Reads and loads a bundle, and says so if something had to be compiled for it.
pub async fn deployment(
    bundle: PathBuf,
    sandbox: &Arc<Sandbox>,
    options: DeploymentOptions,
    before: Option<Arc<Deployment>>,
) -> Result<Arc<Deployment>> {
    let sandbox = Arc::clone(sandbox);
    let load = move || -> Result<_> {
        let started = Instant::now();
        let bundle = Bundle::open(&bundle)?;
        let deployment = Deployment::load(bundle, &sandbox, &options, before.as_deref())?;
        if before.is_none() && sandbox.compiled() > 0 {
            eprintln!(
                "compiled {} in {} ms; native code is kept in {}",
                match sandbox.compiled() {
                    1 => "1 engine or step".to_owned(),
                    many => format!("{many} engines and steps"),
                },
                started.elapsed().as_millis(),
                cache_directory().join("code").display()
            );
        }
        Ok(deployment)
    };
    tokio::task::spawn_blocking(load).await?
}

impl Host {
    /// Binds the address, opens the data directory and starts.
    pub async fn start(
        addr: SocketAddr,
        data: &Path,
        sandbox: Arc<Sandbox>,
        deployment: Arc<Deployment>,
        options: ServerOptions,
        storage: &StorageArguments,
    ) -> Result<Self> {
        let store = Arc::new(storage.open_store(data)?);
        // After the store, which takes the directory for this process.
        let telemetry = storage.open_telemetry(data)?;
        let export = ExportOptions::from_variables(&std::env::vars().collect(), SERVICE)?;
        let engine =
            Engine::start(sandbox, store, telemetry, deployment, storage.engine_options()?).await?;
        let server = Server::bind(addr, engine.clone(), options)?;
        let exporter = export.map(|options| export::start(&engine, options));
        Ok(Self { engine, server, exporter })
    }

    /// The engine, for deploying another version.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Serves until the process is told to stop, then ends what is in flight.
    pub async fn run(self) -> Result<()> {
        let addr = self.server.local_addr();
        println!("listening on http://{addr}");
        self.server.run(stopped()).await;
        self.engine.stop(PATIENCE).await;
        if let Some(exporter) = self.exporter {
            exporter.stop(EXPORT_PATIENCE).await;
        }
        Ok(())
    }
}

/// Returns when the process gets SIGINT or SIGTERM.
async fn stopped() {
    let interrupt = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = interrupt => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    if interrupt.await.is_err() {
        std::future::pending::<()>().await;
    }
}
