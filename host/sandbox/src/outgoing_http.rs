//! Outgoing HTTP: which hosts a step may reach, and the connection itself.
//!
//! A name is resolved once, every address is checked, and the connection goes to a checked address,
//! so that a name cannot point somewhere else in between. Redirects are the guest's own business:
//! each is a new request, checked like the first.

use std::{
    fmt,
    future::Future,
    net::{IpAddr, SocketAddr},
    str::FromStr,
    sync::{Arc, LazyLock},
    time::{Duration, Instant},
};

use http::{HeaderValue, Request, Response, Uri, uri::Scheme};
use http_body_util::BodyExt;
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    sync::Semaphore,
    time::timeout,
};
use tokio_rustls::TlsConnector;
use wasmtime_wasi_http::{Error, RequestOptions, WasiHttpHooks};

use crate::{Capabilities, OutgoingRequest};

/// The body type of `wasi:http`.
type WasiBody = http_body_util::combinators::UnsyncBoxBody<bytes::Bytes, Error>;

/// Which hosts a step may send requests to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OutgoingHttp {
    /// Any host, also in private networks: for `motia dev`.
    Open,
    /// The listed hosts. A private, loopback or link-local address is reached only through a
    /// pattern that names the host in full.
    Listed(Vec<HostPattern>),
}

/// `host`, `host:port`, `*.domain`, `*.domain:port` or `*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostPattern {
    host: HostMatch,
    port: Option<u16>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum HostMatch {
    Any,
    Subdomains(String),
    Exactly(String),
}

/// A text that is not a [`HostPattern`].
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not a host pattern; expected host, host:port, *.domain, *.domain:port or *")]
pub struct HostPatternError(String);

impl FromStr for HostPattern {
    type Err = HostPatternError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || HostPatternError(text.to_owned());
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) if !host.contains(':') || host.ends_with(']') => {
                (host, Some(port.parse().map_err(|_| wrong())?))
            }
            _ => (text, None),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
        let host = match host.strip_prefix("*.") {
            Some(domain) => HostMatch::Subdomains(domain.to_owned()),
            None if host == "*" => HostMatch::Any,
            None => HostMatch::Exactly(host),
        };
        match &host {
            HostMatch::Exactly(name) | HostMatch::Subdomains(name)
                if name.is_empty() || name.contains(['/', '*', ' ']) =>
            {
                Err(wrong())
            }
            _ => Ok(Self { host, port }),
        }
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            HostMatch::Any => f.write_str("*")?,
            HostMatch::Subdomains(domain) => write!(f, "*.{domain}")?,
            HostMatch::Exactly(host) => f.write_str(host)?,
        }
        match self.port {
            Some(port) => write!(f, ":{port}"),
            None => Ok(()),
        }
    }
}

impl HostPattern {
    fn matches(&self, host: &str, port: u16) -> bool {
        self.port.is_none_or(|own| own == port)
            && match &self.host {
                HostMatch::Any => true,
                HostMatch::Subdomains(domain) => {
                    host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'))
                }
                HostMatch::Exactly(own) => own == host,
            }
    }
}

/// What a policy says about a host.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Refused,
    PublicOnly,
    Anywhere,
}

impl OutgoingHttp {
    fn verdict(&self, host: &str, port: u16) -> Verdict {
        let patterns = match self {
            Self::Open => return Verdict::Anywhere,
            Self::Listed(patterns) => patterns,
        };
        let mut matching = patterns.iter().filter(|pattern| pattern.matches(host, port)).peekable();
        if matching.peek().is_none() {
            return Verdict::Refused;
        }
        match matching.any(|pattern| matches!(pattern.host, HostMatch::Exactly(_))) {
            true => Verdict::Anywhere,
            false => Verdict::PublicOnly,
        }
    }
}

/// Whether an address is reachable from the whole internet: not loopback, private, link-local,
/// shared, documentation, multicast or reserved, also not in IPv6 clothing.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            !(v4.is_loopback()
                || v4.is_private()
                || v4.is_link_local()
                || v4.is_multicast()
                || v4.is_broadcast()
                || v4.is_documentation()
                || a == 0
                || a >= 240
                || (a == 100 && (64..128).contains(&b))
                || (a == 192 && b == 0 && c == 0)
                || (a == 198 && (18..20).contains(&b)))
        }
        IpAddr::V6(v6) => {
            if let Some(v4) = v6.to_ipv4_mapped() {
                return is_public(IpAddr::V4(v4));
            }
            let first = v6.segments()[0];
            // Global unicast without documentation, 6to4, Teredo and other tunnels to IPv4.
            (first & 0xe000) == 0x2000
                && first != 0x2002
                && !(first == 0x2001 && v6.segments()[1] < 0x0200)
                && !(first == 0x2001 && v6.segments()[1] == 0x0db8)
        }
    }
}

/// The hooks of one invocation.
pub struct Outgoing {
    /// The hosts it may reach.
    pub policy: OutgoingHttp,
    /// The longest time for each part of a request.
    pub timeout: Duration,
    /// Bounds the connections that are open at the same time.
    pub connections: Arc<Semaphore>,
    /// Is told of each request.
    pub capabilities: Arc<dyn Capabilities>,
}

type Driver = Box<dyn Future<Output = Result<(), Error>> + Send>;

impl WasiHttpHooks for Outgoing {
    fn send_request(
        &mut self,
        mut request: Request<WasiBody>,
        options: Option<RequestOptions>,
        _: Driver,
    ) -> Box<dyn Future<Output = wasmtime_wasi_http::Result<(Response<WasiBody>, Driver)>> + Send>
    {
        let policy = self.policy.clone();
        let longest = self.timeout;
        let permit = Arc::clone(&self.connections).try_acquire_owned();
        let capabilities = Arc::clone(&self.capabilities);
        trace(&mut request, capabilities.traceparent());
        let (method, url, began) =
            (request.method().to_string(), without_query(request.uri()), Instant::now());
        Box::new(async move {
            let sent = match permit {
                Ok(permit) => send(request, options, &policy, longest)
                    .await
                    .map(|(response, driver)| (response, driver, permit)),
                Err(_) => Err(Error::ConnectionLimitReached),
            };
            let answer = match &sent {
                Ok((response, ..)) => Ok(response.status().as_u16()),
                Err(error) => Err(error.to_string()),
            };
            capabilities.requested(OutgoingRequest { method, url, began, answer });
            let (response, driver, permit) = sent?;
            let driver = async move {
                let ended = driver.await;
                drop(permit);
                ended
            };
            Ok((response, Box::new(driver) as Driver))
        })
    }
}

/// Says whose request it is, unless the guest does.
fn trace(request: &mut Request<WasiBody>, traceparent: Option<String>) {
    if let Some(value) = traceparent.and_then(|text| HeaderValue::try_from(text).ok()) {
        request.headers_mut().entry("traceparent").or_insert(value);
    }
}

fn without_query(uri: &Uri) -> String {
    let scheme = uri.scheme_str().unwrap_or("http");
    let host = uri.host().unwrap_or_default();
    let port = uri.port_u16().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{scheme}://{host}{port}{}", uri.path())
}

async fn send(
    mut request: Request<WasiBody>,
    options: Option<RequestOptions>,
    policy: &OutgoingHttp,
    longest: Duration,
) -> Result<(Response<WasiBody>, impl Future<Output = Result<(), Error>> + Send + use<>), Error> {
    let authority = request.uri().authority().ok_or(Error::HttpRequestUriInvalid)?;
    let tls = request.uri().scheme() == Some(&Scheme::HTTPS);
    let port = authority.port_u16().unwrap_or(if tls { 443 } else { 80 });
    let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
    let limit = |wanted: Option<Duration>| wanted.map_or(longest, |wanted| wanted.min(longest));
    let connect_timeout = limit(options.and_then(|options| options.connect_timeout));
    let first_byte = limit(options.and_then(|options| options.first_byte_timeout));

    let stream = timeout(connect_timeout, connect(&host, port, tls, policy))
        .await
        .map_err(|_| Error::ConnectionTimeout)??;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    // A request to an origin server names only the path.
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    *request.uri_mut() = path.parse().map_err(|_| Error::HttpRequestUriInvalid)?;

    // The connection must be driven while the response is awaited, and after it for the body.
    let mut connection = tokio::spawn(connection);
    let response = timeout(first_byte, sender.send_request(request))
        .await
        .map_err(|_| Error::ConnectionReadTimeout)??;
    let response = response.map(|body| body.map_err(Error::from).boxed_unsync());
    Ok((response, async move {
        match (&mut connection).await {
            Ok(ended) => ended.map_err(Error::from),
            Err(_) => Err(Error::ConnectionTerminated),
        }
    }))
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

async fn connect(
    host: &str,
    port: u16,
    tls: bool,
    policy: &OutgoingHttp,
) -> Result<Box<dyn Stream>, Error> {
    let verdict = policy.verdict(host, port);
    if verdict == Verdict::Refused {
        tracing::warn!("outgoing request to {host}:{port} refused: the host is not granted");
        return Err(Error::HttpRequestDenied);
    }
    let resolved: Vec<SocketAddr> = tokio::net::lookup_host((host, port))
        .await
        .map_err(|_| Error::DnsError { rcode: None, info_code: None })?
        .collect();
    // One private address among public ones is refused as a whole: it is how rebinding starts.
    if verdict == Verdict::PublicOnly && !resolved.iter().all(|address| is_public(address.ip())) {
        tracing::warn!("outgoing request to {host}:{port} refused: the address is not public");
        return Err(Error::DestinationIpProhibited);
    }
    let stream = TcpStream::connect(resolved.as_slice()).await.map_err(Error::Connect)?;
    if !tls {
        return Ok(Box::new(stream));
    }
    static TLS: LazyLock<TlsConnector> = LazyLock::new(|| {
        let roots = rustls::RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.into() };
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("ring supports the default TLS versions")
            .with_root_certificates(roots)
            .with_no_client_auth();
        TlsConnector::from(Arc::new(config))
    });
    let name = rustls::pki_types::ServerName::try_from(host.to_owned())
        .map_err(|_| Error::HttpRequestUriInvalid)?;
    Ok(Box::new(TLS.connect(name, stream).await.map_err(Error::Tls)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(patterns: &[&str]) -> OutgoingHttp {
        OutgoingHttp::Listed(patterns.iter().map(|pattern| pattern.parse().unwrap()).collect())
    }

    #[test]
    fn only_listed_hosts_are_reached() {
        let policy = listed(&["api.example.com", "*.svc.example.com:8443", "[::1]:80"]);
        assert_eq!(policy.verdict("api.example.com", 443), Verdict::Anywhere);
        assert_eq!(policy.verdict("evil-api.example.com", 443), Verdict::Refused);
        assert_eq!(policy.verdict("a.svc.example.com", 8443), Verdict::PublicOnly);
        assert_eq!(policy.verdict("a.svc.example.com", 443), Verdict::Refused);
        assert_eq!(policy.verdict("svc.example.com", 8443), Verdict::Refused);
        assert_eq!(policy.verdict("::1", 80), Verdict::Anywhere);
        assert_eq!(listed(&["*"]).verdict("127.0.0.1", 80), Verdict::PublicOnly);
    }

    #[test]
    fn addresses_inside_a_network_are_not_public() {
        for address in [
            "127.0.0.1",
            "10.0.0.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "::1",
            "::ffff:127.0.0.1",
            "fe80::1",
            "fd00::1",
            "2002:7f00:1::",
            "64:ff9b::7f00:1",
        ] {
            assert!(!is_public(address.parse().unwrap()), "{address}");
        }
        assert!(is_public("1.1.1.1".parse().unwrap()));
        assert!(is_public("2606:4700::1111".parse().unwrap()));
    }

    #[test]
    fn a_wrong_pattern_is_named() {
        for wrong in ["", "https://x", "a*b", "host:port"] {
            assert!(wrong.parse::<HostPattern>().is_err(), "{wrong}");
        }
    }
}
