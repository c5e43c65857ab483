//! A client of a running host.

use anyhow::{Context, Result, bail};
use clap::Args;
use http_body_util::{BodyExt, Full};
use hyper::{Method, Request, StatusCode, Uri, body::Bytes, http::uri::Authority};
use hyper_util::rt::TokioIo;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use tokio::net::TcpStream;

/// Where a host is unless the user says so.
pub const DEFAULT_URL: &str = "http://127.0.0.1:3000";

/// The host that a command asks about its operation.
#[derive(Args, Clone)]
pub struct HostArguments {
    /// The host.
    #[arg(long, global = true, default_value = DEFAULT_URL)]
    url: String,
    /// The token that `motia serve` was started with; `motia dev` needs none.
    #[arg(
        long,
        global = true,
        env = "MOTIA_API_TOKEN",
        hide_env_values = true,
        value_name = "TOKEN"
    )]
    api_token: Option<String>,
}

impl HostArguments {
    /// The client for that host.
    pub fn client(&self) -> Result<Client> {
        Client::new(&self.url, self.api_token.clone())
    }
}

/// Asks one host.
pub struct Client {
    url: String,
    authority: Authority,
    token: Option<String>,
}

impl Client {
    /// A client for a URL such as `http://127.0.0.1:3000`.
    pub fn new(url: &str, token: Option<String>) -> Result<Self> {
        let uri: Uri = url.parse().with_context(|| format!("--url {url}"))?;
        let is_plain = uri.scheme_str().is_none_or(|scheme| scheme == "http");
        match uri.authority().filter(|_| is_plain) {
            Some(authority) => {
                Ok(Self { url: url.to_owned(), authority: authority.clone(), token })
            }
            None => bail!("--url {url}: expected http://host:port"),
        }
    }

    /// Reads something of the API for operations.
    pub async fn get(&self, path: &str) -> Result<Value> {
        self.ask(Method::GET, path, None).await
    }

    /// Asks for an operation; an error is what the host said against it.
    pub async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> Result<Value> {
        let (status, answer) = self.send(method, &format!("/__motia/api{path}"), body).await?;
        let answer = serde_json::from_slice(&answer)
            .with_context(|| format!("{} is no motia host: its answer is no JSON", self.url))?;
        if status.is_success() {
            return Ok(answer);
        }
        bail!("{}", refusal(status, &answer))
    }

    /// Sends a request and reads the whole answer.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<(StatusCode, Bytes)> {
        let host = self.authority.host().trim_matches(['[', ']']);
        let port = self.authority.port_u16().unwrap_or(80);
        let stream = TcpStream::connect((host, port)).await.with_context(|| {
            format!("no host answers at {}; start one with `motia dev` or `motia serve`", self.url)
        })?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        let mut request =
            Request::builder().method(method).uri(path).header("host", self.authority.as_str());
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        if body.is_some() {
            request = request.header("content-type", "application/json");
        }
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        let response = sender.send_request(request.body(Full::new(Bytes::from(body)))?).await?;
        let status = response.status();
        Ok((status, response.into_body().collect().await?.to_bytes()))
    }
}

/// What the host said, with the code by which its documentation names it.
fn refusal(status: StatusCode, answer: &Value) -> String {
    let message = [&answer["message"], &answer["error"]].into_iter().find_map(Value::as_str);
    let code = answer["code"].as_str().unwrap_or(status.as_str());
    format!("{} ({code})", message.unwrap_or("the host refuses"))
}

/// A path whose segments may have any character.
pub fn path(segments: &[&str]) -> String {
    segments.iter().map(|segment| format!("/{}", encoded(segment))).collect()
}

/// A query with the parameters that have a value.
pub fn query(parameters: &[(&str, Option<String>)]) -> String {
    let given = parameters.iter().filter_map(|(name, value)| Some((name, value.as_ref()?)));
    let pairs: Vec<String> =
        given.map(|(name, value)| format!("{name}={}", encoded(value))).collect();
    if pairs.is_empty() { String::new() } else { format!("?{}", pairs.join("&")) }
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn paths_and_queries_take_any_text() {
        assert_eq!(path(&["queues", "A/b c"]), "/queues/A%2Fb%20c");
        let parameters = [("step", Some("A&b".to_owned())), ("state", None)];
        assert_eq!(query(&parameters), "?step=A%26b");
        assert_eq!(query(&[("state", None)]), "");
    }

    #[test]
    fn only_plain_http_is_spoken() {
        assert!(Client::new("http://localhost:3000", None).is_ok());
        for url in ["https://localhost", "localhost/x", "/a", "http://"] {
            assert!(Client::new(url, None).is_err(), "{url}");
        }
    }

    #[test]
    fn a_refusal_is_the_most_that_the_host_said() {
        let answer = json!({ "error": "Service unavailable", "code": "disk_full", "message": "1 MiB is free" });
        let refusal = refusal(StatusCode::SERVICE_UNAVAILABLE, &answer);
        assert_eq!(refusal, "1 MiB is free (disk_full)");
    }
}
