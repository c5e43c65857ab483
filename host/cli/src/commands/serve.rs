//! `motia serve`: a bundle behind HTTP.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use anyhow::{Result, anyhow, bail};
use clap::Args;
use motia_sandbox::{Compiler, HostPattern, OutgoingHttp};
use motia_server::{ApiAccess, ApiToken, ServerOptions};

use super::{
    build::sandbox,
    host::{Host, LimitArguments, StorageArguments, deployment},
};
use crate::environment;

/// Serve a bundle.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  motia serve\n  motia serve dist --addr 0.0.0.0:8080 --data /var/lib/my-project\n  \
                        motia serve --env-file prod.env --allow-http api.example.com --allow-http '*.example.org:443'\n\n\
                        Steps reach no host over HTTP that is not named with --allow-http; `*` stands for all public ones.\n\
                        `motia inspect` and the other commands for operations need the token of --api-token;\n\
                        those that only look are content with that of --viewer-token."
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
    /// Lets whoever sends this token see and change what the host does; at least 16 characters. Better given in the
    /// environment, where other users do not see it.
    #[arg(long, env = "MOTIA_API_TOKEN", hide_env_values = true, value_name = "TOKEN")]
    api_token: Option<String>,
    /// Lets whoever sends this token see what the host does and holds, and change nothing.
    #[arg(long, env = "MOTIA_VIEWER_TOKEN", hide_env_values = true, value_name = "TOKEN")]
    viewer_token: Option<String>,
    /// Where pages are that the project adds to the Workbench: its directory `workbench`.
    #[arg(long, value_name = "DIR")]
    plugins: Option<PathBuf>,
    #[command(flatten)]
    limits: LimitArguments,
    #[command(flatten)]
    storage: StorageArguments,
}

impl Serve {
    /// Serves until it is told to stop.
    pub async fn run(self) -> Result<ExitCode> {
        let api = access(self.api_token, self.viewer_token)?;
        let environment = match &self.env_file {
            Some(file) => environment::read(file, true)?,
            None => environment::read(".env".as_ref(), false)?,
        };
        let granted = OutgoingHttp::Listed(self.allow_http);
        let options = self.limits.deployment_options(environment, granted, false)?;
        let sandbox = Arc::new(sandbox(Compiler::Cranelift)?);
        let name = name_of(&self.bundle);
        let deployment = deployment(self.bundle, &sandbox, options, None).await?;
        let plugins = self.plugins;
        let server = ServerOptions { api, name, plugins, ..self.limits.server_options(false) };
        let host =
            Host::start(self.addr, &self.data, sandbox, deployment, server, &self.storage).await?;
        host.run().await?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Who may use the API for operations.
fn access(api_token: Option<String>, viewer_token: Option<String>) -> Result<ApiAccess> {
    if api_token.is_none() && viewer_token.is_none() {
        return Ok(ApiAccess::Disabled);
    }
    if api_token == viewer_token {
        bail!("--api-token and --viewer-token are the same; expected two tokens");
    }
    let token = |name: &str, token: Option<String>| {
        let token = token.map(ApiToken::new).transpose();
        token.map_err(|error| anyhow!("{name}: {error}"))
    };
    Ok(ApiAccess::Tokens {
        admin: token("--api-token", api_token)?,
        viewer: token("--viewer-token", viewer_token)?,
    })
}

/// The project's name: that of its directory, in which the bundle is `dist`.
fn name_of(bundle: &Path) -> String {
    let bundle = bundle.canonicalize().unwrap_or_else(|_| bundle.to_owned());
    let directory = match bundle.parent() {
        Some(parent) if bundle.ends_with("dist") => parent,
        _ => &bundle,
    };
    directory.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
