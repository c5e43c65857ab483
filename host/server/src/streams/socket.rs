//! One WebSocket: joins and leaves in, frames out.
//!
//! A connection is one task. Frames are written as they are taken from the engine's outbox, which is bounded, through a
//! small buffer; so a client that does not read costs no more than the outbox, and is cut off with a reason. A join may
//! have to run code of the project: frames go on meanwhile, and further messages wait in the network.

use std::{
    borrow::Cow,
    collections::HashMap,
    future::pending,
    pin::{Pin, pin},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use motia_engine::{AuthContext, Engine, Join, Joined, LiveClient, LiveEnd, LiveFrame, LiveFrames};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::watch,
    task::JoinHandle,
    time::{Instant, sleep_until, timeout},
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Error, Message, Utf8Bytes,
        error::ProtocolError,
        protocol::{
            CloseFrame, Role, WebSocketConfig,
            frame::{
                Frame,
                coding::{CloseCode, Data, OpCode},
            },
        },
    },
};

use super::{
    protocol::{self, ClientMessage, SentData},
    until_stopped,
};
use crate::error::Exposure;

/// What a client's message may have; a join has some 200 bytes.
const MESSAGE_BYTES: usize = 64 * 1024;

/// The buffers of one connection. They are kept while it is idle, so they are small.
const READ_BUFFER: usize = 4 * 1024;
const WRITE_BUFFER: usize = 4 * 1024;

/// A longer frame is sent in fragments of this size, which pass through the buffer one after the other.
const FRAGMENT: usize = 8 * 1024;

/// So many frames are written before the client's messages have their turn.
const BATCH: usize = 256;

/// How long the client may leave the connection unread while there is something to write.
const WRITE_TIME: Duration = Duration::from_secs(10);

/// How often the client is asked whether it is there.
const PING_EVERY: Duration = Duration::from_secs(30);

/// How long it may take to say so.
const PONG_TIME: Duration = Duration::from_secs(10);

/// How long a client may take to take leave.
const CLOSE_TIME: Duration = Duration::from_secs(2);

/// How many subscriptions one connection may have.
const MAX_JOINS: usize = 1_000;

/// Messages of one client in a second, over time, and at once: all joins may be ended and made anew.
const MESSAGES_PER_SECOND: f64 = 100.0;
const MESSAGES_AT_ONCE: f64 = 2_000.0;

/// Why a connection ends.
enum End {
    /// The client has gone, or does not answer.
    Gone,
    /// It is told why.
    Told { code: CloseCode, reason: Cow<'static, str> },
}

impl End {
    fn told(code: CloseCode, reason: impl Into<Cow<'static, str>>) -> Self {
        Self::Told { code, reason: reason.into() }
    }

    fn stopping() -> Self {
        Self::told(CloseCode::Away, "the server stops")
    }

    fn too_slow() -> Self {
        Self::told(CloseCode::Again, "frames are not read fast enough; join again with `since`")
    }

    fn of(error: Error) -> Self {
        match error {
            Error::Capacity(_) => Self::told(
                CloseCode::Size,
                format!("a message has more than {MESSAGE_BYTES} bytes"),
            ),
            Error::Utf8(_) => Self::told(CloseCode::Invalid, "a text is not UTF-8"),
            Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => Self::Gone,
            Error::Protocol(error) => Self::told(CloseCode::Protocol, error.to_string()),
            _ => Self::Gone,
        }
    }
}

/// A join that is checked and entered; it fails with the frame that says why.
type Joining = Pin<Box<dyn Future<Output = Result<Option<Joined>, Bytes>> + Send>>;

/// A connection of which the handshake is done.
pub struct Socket {
    pub engine: Engine,
    pub context: AuthContext,
    pub exposure: Exposure,
}

impl Socket {
    /// Serves the connection to its end. `read` is what the client has sent behind its handshake.
    pub async fn serve(self, stream: TcpStream, read: Bytes, stopped: watch::Receiver<bool>) {
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER)
            .write_buffer_size(WRITE_BUFFER)
            .max_message_size(Some(MESSAGE_BYTES))
            .max_frame_size(Some(MESSAGE_BYTES));
        let (role, config) = (Role::Server, Some(config));
        let stream = WebSocketStream::from_partially_read(stream, read.into(), role, config).await;
        let (client, frames) = self.engine.connect_live();
        let connection = Connection {
            stream,
            client: Arc::new(client),
            joined: HashMap::new(),
            leaving: HashMap::new(),
            joining: None,
            budget: Budget::new(Instant::now()),
            socket: self,
        };
        connection.run(frames, stopped).await;
    }
}

struct Connection {
    stream: WebSocketStream<TcpStream>,
    client: Arc<LiveClient>,
    joined: HashMap<Join, Joined>,
    /// Of what the project is told that it was left: who joins again is announced after that.
    leaving: HashMap<Join, JoinHandle<()>>,
    /// The next message is read when this is done, so that they take effect in their order.
    joining: Option<Joining>,
    budget: Budget,
    socket: Socket,
}

impl Connection {
    async fn run(mut self, mut frames: LiveFrames, mut stopped: watch::Receiver<bool>) {
        let end = match self.follow(&mut frames, &mut stopped).await {
            Ok(()) => End::Gone,
            Err(end) => end,
        };
        let Self { stream, client, joined, joining, .. } = self;
        // Nobody follows anything any more while the client takes its leave.
        drop((joining, joined, client, frames));
        if let End::Told { code, reason } = end {
            tracing::debug!(code = u16::from(code), reason = &*reason, "a WebSocket is closed");
            close(stream, code, &reason).await;
        }
    }

    /// Until the client closes the connection.
    async fn follow(
        &mut self,
        frames: &mut LiveFrames,
        stopped: &mut watch::Receiver<bool>,
    ) -> Result<(), End> {
        let mut asked = false;
        let mut timer = pin!(sleep_until(Instant::now() + PING_EVERY));
        loop {
            tokio::select! {
                biased;
                () = until_stopped(stopped) => return Err(End::stopping()),
                done = joining_done(&mut self.joining) => {
                    self.joining = None;
                    match done {
                        Ok(joined) => {
                            self.joined.extend(joined.map(|joined| (joined.join().clone(), joined)));
                            // Before the next message, which may ask for as much again.
                            self.write_waiting(frames).await?;
                        }
                        Err(refusal) => self.tell(refusal).await?,
                    }
                    if asked {
                        // The answer may have waited as long.
                        timer.as_mut().reset(Instant::now() + PONG_TIME);
                    }
                }
                message = self.stream.next(), if self.joining.is_none() => {
                    asked = false;
                    timer.as_mut().reset(Instant::now() + PING_EVERY);
                    let Some(message) = message else { return Ok(()) };
                    self.receive(message.map_err(End::of)?).await?;
                }
                frame = frames.next() => match frame {
                    Some(frame) => self.write(frame, frames).await?,
                    None => return Err(match frames.ended() {
                        Some(LiveEnd::TooSlow) => End::too_slow(),
                        _ => End::stopping(),
                    }),
                },
                () = timer.as_mut() => {
                    if asked && self.joining.is_none() {
                        return Err(End::Gone);
                    }
                    if !asked {
                        asked = true;
                        self.feed(Message::Ping(Bytes::new())).await?;
                        self.flush().await?;
                    }
                    timer.as_mut().reset(Instant::now() + PONG_TIME);
                }
            }
        }
    }

    async fn receive(&mut self, message: Message) -> Result<(), End> {
        if !self.budget.takes_one(Instant::now()) {
            let reason = format!("more than {MESSAGES_PER_SECOND} messages a second");
            return Err(End::told(CloseCode::Policy, reason));
        }
        match message {
            Message::Text(text) => self.obey(&text).await,
            Message::Binary(_) => {
                let reason = "a binary message; the protocol is JSON in text messages";
                self.tell(protocol::error_frame(None, "INVALID_MESSAGE", reason)).await?;
                Err(End::told(CloseCode::Unsupported, reason))
            }
            // The answer to a ping, or to the client's farewell, waits to be written.
            Message::Ping(_) | Message::Close(_) => self.flush().await,
            Message::Pong(_) | Message::Frame(_) => Ok(()),
        }
    }

    async fn obey(&mut self, text: &str) -> Result<(), End> {
        match protocol::parse(text) {
            Ok(ClientMessage::Join(join)) => self.join(join).await,
            Ok(ClientMessage::Leave(join)) => {
                self.client.leave(&join);
                let known = Join { since: None, ..join };
                if let Some(joined) = self.joined.remove(&known) {
                    self.leaving.retain(|_, told| !told.is_finished());
                    self.leaving.insert(known, tokio::spawn(joined.leave()));
                }
                Ok(())
            }
            Ok(ClientMessage::Send(join, event)) => self.send(join, event).await,
            Err(malformed) => {
                let frame = protocol::error_frame(None, "INVALID_MESSAGE", &malformed.message);
                self.tell(frame).await?;
                match malformed.ends {
                    true => Err(End::told(CloseCode::Unsupported, "a message is not JSON")),
                    false => Ok(()),
                }
            }
        }
    }

    /// Sends what a client may send. What runs for it is the store's, so no message waits for long.
    async fn send(&mut self, join: Join, event: SentData) -> Result<(), End> {
        let Socket { engine, context, exposure, .. } = &self.socket;
        let sent = match engine.may_write(&join.stream, context) {
            Ok(()) => {
                let (id, data) = (join.id.clone(), event.data.to_string());
                engine.send_item(&join.stream, &join.group, id, event.event_type, data).await
            }
            Err(error) => Err(error),
        };
        let Err(error) = sent else { return Ok(()) };
        let frame = protocol::refused(&join, error, "STREAM_SEND_FAILED", *exposure);
        self.tell(frame).await
    }

    async fn join(&mut self, join: Join) -> Result<(), End> {
        let known = Join { since: None, ..join.clone() };
        let is_known = self.joined.contains_key(&known);
        if !is_known && self.joined.len() >= MAX_JOINS {
            let reason = format!("a connection follows at most {MAX_JOINS} groups and items");
            return self.tell(protocol::error_frame(Some(&join), "TOO_MANY_JOINS", &reason)).await;
        }
        let (client, exposure) = (Arc::clone(&self.client), self.socket.exposure);
        let (engine, context) = (self.socket.engine.clone(), self.socket.context.clone());
        let left = self.leaving.remove(&known);
        self.joining = Some(Box::pin(async move {
            // One that is there was let in, and asks only for what there is.
            let joined = match is_known {
                true => Ok(None),
                false => {
                    if let Some(left) = left {
                        // What failed there is said there.
                        let _ = left.await;
                    }
                    engine.let_in(known, context).await.map(Some)
                }
            };
            let entered = match joined {
                Ok(joined) => client.join(join.clone()).await.map(|()| joined),
                Err(error) => Err(error),
            };
            entered.map_err(|error| protocol::refused(&join, error, "STREAM_JOIN_FAILED", exposure))
        }));
        Ok(())
    }

    /// Writes a frame and those that wait behind it, at once.
    async fn write(&mut self, first: LiveFrame, frames: &mut LiveFrames) -> Result<(), End> {
        self.feed_text(first.json).await?;
        for _ in 1..BATCH {
            let Some(frame) = frames.take() else { break };
            self.feed_text(frame.json).await?;
        }
        self.flush().await
    }

    /// Writes as many frames as wait now.
    async fn write_waiting(&mut self, frames: &mut LiveFrames) -> Result<(), End> {
        for _ in 0..frames.waiting() {
            let Some(frame) = frames.take() else { break };
            self.feed_text(frame.json).await?;
        }
        self.flush().await
    }

    async fn tell(&mut self, json: Bytes) -> Result<(), End> {
        self.feed_text(json).await?;
        self.flush().await
    }

    /// Writes a text that is shared with others, without a copy of all of it.
    async fn feed_text(&mut self, mut rest: Bytes) -> Result<(), End> {
        let mut opcode = OpCode::Data(Data::Text);
        loop {
            let part = rest.split_to(rest.len().min(FRAGMENT));
            let is_last = rest.is_empty();
            self.feed(Message::Frame(Frame::message(part, opcode, is_last))).await?;
            if is_last {
                return Ok(());
            }
            opcode = OpCode::Data(Data::Continue);
        }
    }

    async fn feed(&mut self, message: Message) -> Result<(), End> {
        in_time(self.stream.feed(message)).await
    }

    async fn flush(&mut self) -> Result<(), End> {
        in_time(self.stream.flush()).await
    }
}

/// The result of what is joined now; never, if that is nothing.
async fn joining_done(joining: &mut Option<Joining>) -> Result<Option<Joined>, Bytes> {
    match joining {
        Some(joining) => joining.await,
        None => pending().await,
    }
}

/// A write, for which the client must have read something.
async fn in_time(writing: impl Future<Output = Result<(), Error>>) -> Result<(), End> {
    match timeout(WRITE_TIME, writing).await {
        Ok(written) => written.map_err(|_| End::Gone),
        Err(_) => Err(End::too_slow()),
    }
}

/// Says why, and reads until the client has closed its side: a connection that is dropped with something unread in it
/// is reset, and the client might not get the reason.
async fn close(mut stream: WebSocketStream<TcpStream>, code: CloseCode, reason: &str) {
    let closing = async {
        let reason = Utf8Bytes::from(reason);
        stream.close(Some(CloseFrame { code, reason })).await.ok()?;
        let stream = stream.get_mut();
        stream.shutdown().await.ok()?;
        let mut rest = [0; 512];
        while stream.read(&mut rest).await.ok()? > 0 {}
        Some(())
    };
    // Whoever does not take it in time has had the chance.
    let _ = timeout(CLOSE_TIME, closing).await;
}

/// How many messages a client may still send: a bucket that fills over time.
struct Budget {
    messages: f64,
    counted: Instant,
}

impl Budget {
    fn new(now: Instant) -> Self {
        Self { messages: MESSAGES_AT_ONCE, counted: now }
    }

    fn takes_one(&mut self, now: Instant) -> bool {
        let more = now.duration_since(self.counted).as_secs_f64() * MESSAGES_PER_SECOND;
        self.counted = now;
        self.messages = (self.messages + more).min(MESSAGES_AT_ONCE);
        if self.messages < 1.0 {
            return false;
        }
        self.messages -= 1.0;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_over_time_are_limited() {
        let start = Instant::now();
        let mut budget = Budget::new(start);
        let taken = |budget: &mut Budget, now| (0..5_000).filter(|_| budget.takes_one(now)).count();
        assert_eq!(taken(&mut budget, start), 2_000);
        assert_eq!(taken(&mut budget, start + Duration::from_secs(3)), 300);
        assert_eq!(taken(&mut budget, start + Duration::from_secs(3_600)), 2_000);
    }
}
