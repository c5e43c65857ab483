//! `motia emit`: an event for a running host.

use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::Args;
use http_body_util::{BodyExt, Full};
use hyper::{Request, body::Bytes};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// Emit an event to a running host.
#[derive(Args)]
#[command(after_help = "Example:\n  motia emit --topic message.sent --message '{\"text\":\"hi\"}'")]
pub struct Emit {
    /// The topic.
    #[arg(long)]
    topic: String,
    /// The event's data, as JSON.
    #[arg(long)]
    message: String,
    /// The host.
    #[arg(long, default_value = "http://127.0.0.1:3000")]
    url: String,
}

impl Emit {
    /// Sends it; the exit code is 1 if the host refuses.
    pub async fn run(self) -> Result<ExitCode> {
        let data: serde_json::Value = serde_json::from_str(&self.message)
            .with_context(|| format!("--message is not JSON: {}", self.message))?;
        let body = serde_json::json!({ "topic": self.topic, "data": data }).to_string();
        let uri: hyper::Uri = self.url.parse().with_context(|| format!("--url {}", self.url))?;
        let Some(authority) = uri.authority() else {
            bail!("--url {}: expected http://host:port", self.url)
        };
        let host = authority.host().trim_matches(['[', ']']);
        let port = authority.port_u16().unwrap_or(80);
        let stream = TcpStream::connect((host, port)).await.with_context(|| {
            format!("no host answers at {}; start one with `motia dev` or `motia serve`", self.url)
        })?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        let request = Request::post("/emit")
            .header("host", authority.as_str())
            .header("content-type", "application/json")
            .body(Full::new(Bytes::from(body)))?;
        let response = sender.send_request(request).await?;
        let status = response.status();
        let answer = response.into_body().collect().await?.to_bytes();
        println!("{}", String::from_utf8_lossy(&answer));
        Ok(if status.is_success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}
