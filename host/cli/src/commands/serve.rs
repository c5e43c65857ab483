//! `motia serve`: a bundle behind HTTP.

use std::{net::SocketAddr, path::PathBuf, process::ExitCode, sync::Arc};

use anyhow::Result;
use clap::Args;
use motia_sandbox::{Compiler, HostPattern, OutgoingHttp};

use super::{
    build::sandbox,
    host::{Host, LimitArguments, deployment},
};
use crate::environment;

/// Serve a bundle.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  motia serve\n  motia serve dist --addr 0.0.0.0:8080 --data /var/lib/my-project\n  \
                        motia serve --env-file prod.env --allow-http api.example.com --allow-http '*.example.org:443'\n\n\
                        Steps reach no host over HTTP that is not named with --allow-http; `*` stands for all public ones."
)]
pub struct Serve {
    /// The bundle.
    #[arg(default_value = "dist")]
    bundle: PathBuf,
    /// The address to listen on.
    #[arg(long, default_value = "127.0.0.1:3000")]
    addr: SocketAddr,
    /// The data directory; one host at a time.
    #[arg(long, default_value = ".motia/data")]
    data: PathBuf,
    /// A file with the steps' environment variables [default: .env, if there is one].
    #[arg(long, value_name = "FILE")]
    env_file: Option<PathBuf>,
    /// A host that steps may send requests to: host, host:port, *.domain, or *. Repeatable.
    #[arg(long, value_name = "HOST")]
    allow_http: Vec<HostPattern>,
    #[command(flatten)]
    limits: LimitArguments,
}

impl Serve {
    /// Serves until it is told to stop.
    pub async fn run(self) -> Result<ExitCode> {
        let environment = match &self.env_file {
            Some(file) => environment::read(file, true)?,
            None => environment::read(".env".as_ref(), false)?,
        };
        let granted = OutgoingHttp::Listed(self.allow_http);
        let options = self.limits.deployment_options(environment, granted, false)?;
        let sandbox = Arc::new(sandbox(Compiler::Cranelift)?);
        let deployment = deployment(self.bundle, &sandbox, options, None).await?;
        let server = self.limits.server_options(false);
        Host::start(self.addr, &self.data, sandbox, deployment, server).await?.run().await?;
        Ok(ExitCode::SUCCESS)
    }
}
