//! Clients that follow streams: over WebSocket, on any path, and as server-sent events under `/__motia/streams/`.
//!
//! What they get is made in the engine, as who may get it is decided there; here are connections. Each holds no more
//! than the engine's outbox and a small buffer, whatever its client does. Browsers of any origin may connect, as they
//! may call steps: who somebody is says `streamAuth` of the project, which gets all headers.

mod protocol;
mod socket;
pub mod sse;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Version,
    header::{
        CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL,
        SEC_WEBSOCKET_VERSION, UPGRADE,
    },
    request::Parts,
};
use http_body_util::{Either, Full};
use hyper::{body::Incoming, upgrade::OnUpgrade};
use hyper_util::{rt::TokioIo, server::conn::auto::upgrade::downcast};
use motia_engine::{AuthContext, Engine, StreamAuthRequest};
use tokio::{
    net::TcpStream,
    sync::{OwnedSemaphorePermit, Semaphore, watch},
};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::{
    dev::AnswerBody,
    error::{Exposure, HttpError},
    handle::headers_of,
    local,
    patience::Patient,
    respond,
    server::ServerOptions,
};
use socket::Socket;

pub use sse::stream_of;

/// The version of the WebSocket protocol that all clients speak.
const VERSION: &str = "13";

/// When a client may try again that finds no place.
const FULL_WAIT: Duration = Duration::from_secs(5);

/// Serves those who follow streams.
pub struct Streams {
    engine: Engine,
    exposure: Exposure,
    /// Whether only requests by a name of this machine are answered.
    is_local: bool,
    places: Arc<Semaphore>,
    /// Each connection holds a receiver.
    stopped: watch::Sender<bool>,
}

/// Whether a request asks for a WebSocket.
pub fn is_websocket<B>(request: &Request<B>) -> bool {
    request.method() == Method::GET
        && request.version() == Version::HTTP_11
        && names(request.headers(), UPGRADE, "websocket")
        && names(request.headers(), CONNECTION, "upgrade")
}

/// Whether a header that is a list has a token.
fn names(headers: &HeaderMap, header: HeaderName, token: &str) -> bool {
    let lists = headers.get_all(header).into_iter().filter_map(|value| value.to_str().ok());
    lists.flat_map(|list| list.split(',')).any(|given| given.trim().eq_ignore_ascii_case(token))
}

impl Streams {
    /// For the streams of what the engine has deployed.
    pub fn new(engine: Engine, exposure: Exposure, options: &ServerOptions) -> Self {
        Self {
            engine,
            exposure,
            is_local: options.build_status.is_some(),
            places: Arc::new(Semaphore::new(options.max_websockets)),
            stopped: watch::channel(false).0,
        }
    }

    /// Ends all connections, which would outlast everything else.
    pub fn stop(&self) {
        self.stopped.send_replace(true);
    }

    /// Waits until no connection is left.
    pub async fn idle(&self) {
        self.stopped.closed().await;
    }

    /// Answers a request for a WebSocket, and serves it once the client has the answer.
    pub async fn open(
        &self,
        mut request: Request<Incoming>,
        trace_id: &str,
    ) -> Response<AnswerBody> {
        let upgrade = hyper::upgrade::on(&mut request);
        let (head, _) = request.into_parts();
        let response = match self.accept(&head, upgrade).await {
            Ok(response) => response,
            Err(error) => {
                let mut response = respond::from_error(&error, trace_id, self.exposure);
                if error.status == StatusCode::UPGRADE_REQUIRED {
                    let version = HeaderValue::from_static(VERSION);
                    response.headers_mut().insert(SEC_WEBSOCKET_VERSION, version);
                }
                respond::finish(&mut response, &head.method, trace_id);
                response
            }
        };
        response.map(Either::Left)
    }

    async fn accept(
        &self,
        head: &Parts,
        upgrade: OnUpgrade,
    ) -> Result<Response<Full<Bytes>>, HttpError> {
        let response = switching(&head.headers)?;
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| HttpError {
            retry_after: Some(FULL_WAIT),
            ..HttpError::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "too_many_websockets",
                "the server has as many WebSockets as it may have",
            )
        })?;
        let context = self.authenticate(head).await?;
        let socket = Socket { engine: self.engine.clone(), context, exposure: self.exposure };
        tokio::spawn(serve(socket, upgrade, self.stopped.subscribe(), place));
        Ok(response)
    }

    /// Who a client is. In `motia dev` a name that is made to lead to this machine is refused, as everything under
    /// `/__motia/` refuses it.
    async fn authenticate(&self, head: &Parts) -> Result<AuthContext, HttpError> {
        if self.is_local {
            local::check_host(head)?;
        }
        let url = head.uri.path_and_query().map_or("/", |url| url.as_str()).to_owned();
        let request = StreamAuthRequest { headers: headers_of(head), url };
        Ok(self.engine.authenticate(request).await?)
    }
}

/// The answer that makes a connection a WebSocket.
fn switching(headers: &HeaderMap) -> Result<Response<Full<Bytes>>, HttpError> {
    if headers.get(SEC_WEBSOCKET_VERSION).is_none_or(|version| version != VERSION) {
        return Err(HttpError::new(
            StatusCode::UPGRADE_REQUIRED,
            "unsupported_websocket",
            format!("a WebSocket is opened with `Sec-WebSocket-Version: {VERSION}`"),
        ));
    }
    let Some(key) = headers.get(SEC_WEBSOCKET_KEY) else {
        let message = "a WebSocket is opened with a `Sec-WebSocket-Key`";
        return Err(HttpError::bad_request("invalid_websocket", message));
    };
    let mut response = Response::new(Full::default());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let answers = response.headers_mut();
    answers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    answers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    if let Ok(accept) = HeaderValue::from_str(&derive_accept_key(key.as_bytes())) {
        answers.insert(SEC_WEBSOCKET_ACCEPT, accept);
    }
    if let Some(protocol) = first_protocol(headers) {
        answers.insert(SEC_WEBSOCKET_PROTOCOL, protocol);
    }
    Ok(response)
}

/// Browsers give a connection up whose answer has none of the protocols that they offer; the clients' first one is
/// `Authorization`, and a token follows.
fn first_protocol(headers: &HeaderMap) -> Option<HeaderValue> {
    let offered = headers.get(SEC_WEBSOCKET_PROTOCOL)?.to_str().ok()?;
    let first = offered.split(',').next()?.trim();
    if first.is_empty() { None } else { HeaderValue::from_str(first).ok() }
}

/// Waits until the server stops.
async fn until_stopped(stopped: &mut watch::Receiver<bool>) {
    // An error says that the server is gone, which ends a connection as well.
    let _ = stopped.wait_for(|stopped| *stopped).await;
}

/// Serves a connection when HTTP is done with it, without HTTP's buffers.
async fn serve(
    socket: Socket,
    upgrade: OnUpgrade,
    stopped: watch::Receiver<bool>,
    place: OwnedSemaphorePermit,
) {
    let upgraded = match upgrade.await {
        Ok(upgraded) => upgraded,
        Err(error) => return tracing::debug!("a WebSocket was given up: {error}"),
    };
    match downcast::<TokioIo<Patient<TcpStream>>>(upgraded) {
        Ok(parts) => {
            let stream = parts.io.into_inner().into_inner();
            socket.serve(stream, parts.read_buf, stopped).await;
        }
        Err(_) => tracing::error!("a WebSocket came over another connection than TCP"),
    }
    drop(place);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(version: Version, headers: &[(&str, &str)]) -> Request<()> {
        let mut request = Request::builder().version(version);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap()
    }

    #[test]
    fn a_websocket_is_told_from_other_requests() {
        let upgrade = ("upgrade", "WebSocket");
        let asks = |headers: &[(&str, &str)]| is_websocket(&request(Version::HTTP_11, headers));
        assert!(asks(&[upgrade, ("connection", "Upgrade")]));
        assert!(asks(&[upgrade, ("connection", "keep-alive, upgrade")]));
        assert!(!asks(&[upgrade]) && !asks(&[("connection", "upgrade")]));
        assert!(!asks(&[("upgrade", "h2c"), ("connection", "upgrade")]));
        let headers = [upgrade, ("connection", "upgrade")];
        assert!(!is_websocket(&request(Version::HTTP_10, &headers)));
        let mut request = request(Version::HTTP_11, &headers);
        *request.method_mut() = Method::POST;
        assert!(!is_websocket(&request));
    }

    #[test]
    fn the_answer_has_the_key_and_the_first_protocol() {
        // The key and its answer are those of RFC 6455, section 1.3.
        let key = ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
        let version = ("sec-websocket-version", "13");
        let answer = |headers: &[(&str, &str)]| {
            switching(request(Version::HTTP_11, headers).headers()).map(|response| {
                let text = |name: HeaderName| {
                    response.headers().get(name)?.to_str().ok().map(str::to_owned)
                };
                (text(SEC_WEBSOCKET_ACCEPT), text(SEC_WEBSOCKET_PROTOCOL))
            })
        };
        let accept = Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=".to_owned());
        assert_eq!(answer(&[key, version]), Ok((accept.clone(), None)));
        let offered = ("sec-websocket-protocol", "Authorization, token-1");
        let protocol = Some("Authorization".to_owned());
        assert_eq!(answer(&[key, version, offered]), Ok((accept, protocol)));
        assert_eq!(answer(&[version]).unwrap_err().code, "invalid_websocket");
        assert_eq!(answer(&[key]).unwrap_err().status, StatusCode::UPGRADE_REQUIRED);
    }
}
