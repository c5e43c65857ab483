//! The listener, its connections and how they end.

use std::{
    convert::Infallible,
    io,
    net::SocketAddr,
    path::PathBuf,
    pin::{Pin, pin},
    sync::Arc,
    time::Duration,
};

use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{
        conn::auto::Builder,
        graceful::{GracefulShutdown, Watcher},
    },
};
use motia_engine::Engine;
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    sync::{Notify, OwnedSemaphorePermit, Semaphore, watch},
    task::JoinSet,
};

use crate::{
    api::ApiAccess,
    dev::{AnswerBody, BuildStatus},
    handle::Handler,
    patience::Patient,
};

/// How many connections the kernel holds until they are accepted.
const BACKLOG: u32 = 1_024;

/// How large the head of a request may be: four times what browsers send at most.
const HEAD_BYTES: u32 = 64 * 1024;

/// How many requests one HTTP/2 connection may have open.
const STREAMS: u32 = 200;

/// How long an HTTP/2 connection is silent before the server asks whether the client lives.
const PING_INTERVAL: Duration = Duration::from_secs(20);

/// How long the client has to say so.
const PING_TIMEOUT: Duration = Duration::from_secs(10);

/// The pauses between attempts to accept while the process has no file to spare.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// How a server treats its clients.
#[derive(Debug, Clone)]
pub struct ServerOptions {
    /// The bytes a request's body may have, also after its encoding is undone: 10 MiB.
    pub body_limit: usize,
    /// How long a client may take to send the head of a request, and how long a connection may
    /// be without one: 10 s.
    pub header_timeout: Duration,
    /// How long a client may take to send a body: 30 s.
    pub body_timeout: Duration,
    /// How long requests may go on after the server is told to stop: 30 s.
    pub drain: Duration,
    /// Whether the answer to a request that failed inside says why. For development; off.
    pub expose_errors: bool,
    /// The status of the build, which browsers are shown under `/__motia/`. For development; none.
    pub build_status: Option<watch::Receiver<BuildStatus>>,
    /// What the project is called.
    pub name: String,
    /// The project's directory, from which source files are shown and where positions of nodes are kept. For
    /// development; none.
    pub project: Option<PathBuf>,
    /// Where pages of the Workbench are that the project adds; nowhere.
    pub plugins: Option<PathBuf>,
    /// Who may use the API for operations under `/__motia/api/`; nobody.
    pub api: ApiAccess,
    /// How many connections are served at the same time; more wait in the kernel: 10,000.
    pub max_connections: usize,
    /// How many WebSockets are open at the same time, beside the connections: 20,000.
    pub max_websockets: usize,
}

impl Default for ServerOptions {
    fn default() -> Self {
        Self {
            body_limit: 10 * 1024 * 1024,
            header_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(30),
            drain: Duration::from_secs(30),
            expose_errors: false,
            build_status: None,
            name: "motia".to_owned(),
            project: None,
            plugins: None,
            api: ApiAccess::Disabled,
            max_connections: 10_000,
            max_websockets: 20_000,
        }
    }
}

/// Why a server cannot listen.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Another program listens there.
    #[error(
        "{0} is in use by another program; choose another address with --addr or another port \
         with --port"
    )]
    InUse(SocketAddr),
    /// The system refuses for another reason.
    #[error("cannot listen on {address}: {source}")]
    Refused {
        /// Where.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
}

/// An HTTP server that listens and answers once it runs.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    handler: Arc<Handler>,
    options: ServerOptions,
}

impl Server {
    /// Listens on an address. From then on clients can connect; they are answered when the
    /// server [runs](Server::run). Must be called within a Tokio runtime.
    ///
    /// # Errors
    /// Names the address that cannot be listened on.
    pub fn bind(
        address: SocketAddr,
        engine: Engine,
        options: ServerOptions,
    ) -> Result<Self, BindError> {
        let (listener, address) = listen(address).map_err(|source| match source.kind() {
            io::ErrorKind::AddrInUse => BindError::InUse(address),
            _ => BindError::Refused { address, source },
        })?;
        let handler = Arc::new(Handler::new(engine, &options));
        Ok(Self { listener, address, handler, options })
    }

    /// The address that the server listens on, with the port that the system chose for port 0.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `shutdown` is ready, then accepts no more, finishes what is in flight within
    /// [`ServerOptions::drain`] and closes every connection.
    pub async fn run(self, shutdown: impl Future<Output = ()> + Send) {
        let Self { listener, address, handler, options } = self;
        let builder = Arc::new(connection_builder(&options));
        let permits = Arc::new(Semaphore::new(options.max_connections));
        let graceful = GracefulShutdown::new();
        let mut connections: JoinSet<()> = JoinSet::new();
        let mut shutdown = pin!(shutdown);
        loop {
            let (stream, permit) = tokio::select! {
                biased;
                () = shutdown.as_mut() => break,
                Some(_) = connections.join_next() => continue,
                accepted = accept(&listener, &permits) => accepted,
            };
            let connection = Connection {
                builder: Arc::clone(&builder),
                handler: Arc::clone(&handler),
                watcher: graceful.watcher(),
                first_request: options.header_timeout,
                permit,
            };
            connections.spawn(connection.serve(stream));
        }
        drop(listener);
        handler.end_streams();
        tracing::debug!(%address, connections = connections.len(), "the server stops");
        let drained = tokio::time::timeout(options.drain, async {
            graceful.shutdown().await;
            handler.idle().await;
        });
        if drained.await.is_err() {
            tracing::warn!(
                "requests still ran after {} s and are cut off",
                options.drain.as_secs()
            );
        }
        connections.shutdown().await;
    }
}

fn listen(address: SocketAddr) -> io::Result<(TcpListener, SocketAddr)> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // On Unix this lets a restarted server have its port back at once; elsewhere it would let two
    // servers share one.
    if cfg!(unix) {
        socket.set_reuseaddr(true)?;
    }
    socket.bind(address)?;
    let listener = socket.listen(BACKLOG)?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

fn connection_builder(options: &ServerOptions) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(options.header_timeout)
        .max_buf_size(HEAD_BYTES as usize)
        .keep_alive(true)
        .half_close(true);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(HEAD_BYTES)
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_TIMEOUT);
    builder
}

/// Accepts a connection as soon as there may be one more.
async fn accept(
    listener: &TcpListener,
    permits: &Arc<Semaphore>,
) -> (TcpStream, OwnedSemaphorePermit) {
    let permit = Arc::clone(permits).acquire_owned().await;
    let permit = permit.expect("the semaphore of connections is never closed");
    let mut pause = FIRST_PAUSE;
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return (stream, permit),
            // The client went away before it was accepted.
            Err(error) if is_of_the_client(&error) => {}
            // Most likely no file is to spare; connections that end free some.
            Err(error) => {
                tracing::warn!("cannot accept a connection: {error}");
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
    }
}

fn is_of_the_client(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
    )
}

/// The future of an answer.
type Answer = Pin<Box<dyn Future<Output = hyper::Response<AnswerBody>> + Send>>;

/// What a connection is served with.
struct Connection {
    builder: Arc<Builder<TokioExecutor>>,
    handler: Arc<Handler>,
    watcher: Watcher,
    /// The time until the first request. The timeouts of the protocols begin only when the
    /// client has said which one it speaks.
    first_request: Duration,
    permit: OwnedSemaphorePermit,
}

impl Connection {
    async fn serve(self, stream: TcpStream) {
        let Self { builder, handler, watcher, first_request, permit } = self;
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!("cannot set TCP_NODELAY: {error}");
        }
        let arrived = Arc::new(Notify::new());
        let arrival = Arc::clone(&arrived);
        let service = service_fn(move |request: hyper::Request<Incoming>| {
            arrival.notify_one();
            let handler = Arc::clone(&handler);
            // Boxed, because the compiler gives up on a type that is nested so deeply.
            let answer: Answer = Box::pin(async move { handler.handle(request).await });
            async move { Ok::<_, Infallible>(answer.await) }
        });
        let stream = TokioIo::new(Patient::new(stream));
        let connection = builder.serve_connection_with_upgrades(stream, service).into_owned();
        let mut connection = pin!(watcher.watch(connection));
        let first = tokio::time::timeout(first_request, arrived.notified());
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            first = first => match first {
                Ok(()) => connection.await,
                Err(_) => Ok(()),
            },
        };
        if let Err(error) = ended {
            tracing::debug!("a connection ended early: {error}");
        }
        drop(permit);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_port_in_use_is_told_apart() {
        let (_listener, address) = listen("127.0.0.1:0".parse().unwrap()).unwrap();
        let error = listen(address).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
        let message = BindError::InUse(address).to_string();
        assert!(message.starts_with(&format!("{address} is in use")), "{message}");
        assert!(message.contains("--port"), "{message}");
    }
}
