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
use motia_server::{Server, ServerOptions};
use motia_store::SqliteStore;
use motia_toolchain::cache_directory;

/// How long a stopping host waits for what is in flight.
const PATIENCE: Duration = Duration::from_secs(30);

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

/// A running host.
pub struct Host {
    engine: Engine,
    server: Server,
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
    ) -> Result<Self> {
        let store = Arc::new(SqliteStore::open(data)?);
        let engine = Engine::start(sandbox, store, deployment, EngineOptions::default()).await?;
        let server = Server::bind(addr, engine.clone(), options)?;
        Ok(Self { engine, server })
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
