//! A WebSocket that follows streams, and server-sent events, each with deadlines.

use std::{
    io::{BufRead, BufReader},
    net::TcpStream,
    time::Duration,
};

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{
    Error, Message, WebSocket,
    client::{IntoClientRequest, client},
    handshake::HandshakeError,
    http::{HeaderName, HeaderValue},
};

use super::SOON;

/// A client of the stream protocol.
pub struct Socket(WebSocket<TcpStream>);

impl Socket {
    /// A connection to `127.0.0.1:PORT`.
    #[track_caller]
    pub fn open(address: &str) -> Self {
        Self::open_at(address, "/", &[]).unwrap_or_else(|status| panic!("refused: {status}"))
    }

    /// A connection with more headers; the status, if it is refused.
    #[track_caller]
    pub fn open_at(address: &str, path: &str, headers: &[(&str, &str)]) -> Result<Self, u16> {
        let stream = TcpStream::connect(address).expect("the server listens");
        stream.set_nodelay(true).expect("a socket option");
        Self::over(stream, address, path, headers)
    }

    /// A connection over a socket that is made already.
    #[track_caller]
    pub fn over(
        stream: TcpStream,
        address: &str,
        path: &str,
        headers: &[(&str, &str)],
    ) -> Result<Self, u16> {
        stream.set_read_timeout(Some(SOON)).expect("a socket option");
        let url = format!("ws://{address}{path}");
        let mut request = url.into_client_request().expect("a URL");
        for (name, value) in headers {
            let name = HeaderName::from_bytes(name.as_bytes()).expect("a header's name");
            let value = HeaderValue::from_str(value).expect("a header's value");
            request.headers_mut().insert(name, value);
        }
        match client(request, stream) {
            Ok((socket, _)) => Ok(Self(socket)),
            Err(HandshakeError::Failure(Error::Http(response))) => Err(response.status().as_u16()),
            Err(error) => panic!("no WebSocket: {error:?}"),
        }
    }

    #[track_caller]
    pub fn send(&mut self, message: Message) {
        self.0.send(message).expect("to send");
    }

    /// Sends `{type, data}`.
    #[track_caller]
    pub fn say(&mut self, kind: &str, data: &Value) {
        self.send(Message::text(json!({ "type": kind, "data": data }).to_string()));
    }

    /// Follows a group or an item.
    #[track_caller]
    pub fn join(&mut self, stream: &str, group: &str, id: Option<&str>) {
        self.say("join", &subscription(stream, group, id, None));
    }

    /// Follows a group behind a change.
    #[track_caller]
    pub fn join_since(&mut self, stream: &str, group: &str, since: i64) {
        self.say("join", &subscription(stream, group, None, Some(since)));
    }

    #[track_caller]
    pub fn leave(&mut self, stream: &str, group: &str, id: Option<&str>) {
        self.say("leave", &subscription(stream, group, id, None));
    }

    /// The next frame.
    #[track_caller]
    pub fn next(&mut self) -> Value {
        self.read().unwrap_or_else(|end| panic!("closed instead of a frame: {end:?}"))
    }

    /// The next frame, or the code and reason with which the server closes the connection.
    #[track_caller]
    pub fn read(&mut self) -> Result<Value, (u16, String)> {
        loop {
            match self.0.read() {
                Ok(Message::Text(text)) => {
                    return Ok(serde_json::from_str(&text).expect("a frame of JSON"));
                }
                Ok(Message::Close(Some(close))) => {
                    return Err((close.code.into(), close.reason.to_string()));
                }
                Ok(Message::Ping(_) | Message::Pong(_)) => {}
                other => panic!("neither a frame nor a close: {other:?}"),
            }
        }
    }

    /// Reads until the server closes the connection.
    #[track_caller]
    pub fn closed(&mut self) -> (u16, String) {
        loop {
            if let Err(end) = self.read() {
                return end;
            }
        }
    }

    /// Ends the connection as a network does, without a word.
    pub fn cut(self) {
        drop(self);
    }
}

fn subscription(stream: &str, group: &str, id: Option<&str>, since: Option<i64>) -> Value {
    let name = format!("{stream}/{group}/{}", id.unwrap_or_default());
    let mut data = json!({ "streamName": stream, "groupId": group, "subscriptionId": name });
    if let Some(id) = id {
        data["id"] = json!(id);
    }
    if let Some(since) = since {
        data["since"] = json!(since);
    }
    data
}

/// An answer of server-sent events.
pub struct Events {
    pub status: u16,
    headers: Vec<(String, String)>,
    lines: Box<dyn BufRead>,
}

/// One of them.
#[derive(Debug, PartialEq)]
pub struct Event {
    pub id: Option<String>,
    pub data: Value,
}

impl Events {
    /// Asks for a stream.
    #[track_caller]
    pub fn open(url: &str, headers: &[(&str, &str)]) -> Self {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .proxy(None)
            .timeout_recv_body(Some(SOON + Duration::from_secs(60)))
            .build();
        let mut request = ureq::http::Request::builder().method("GET").uri(url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(()).expect("a request");
        let response = ureq::Agent::from(config).run(request).expect("an answer");
        let (head, body) = response.into_parts();
        let headers = head.headers.iter().map(|(name, value)| {
            (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        });
        Self {
            status: head.status.as_u16(),
            headers: headers.collect(),
            lines: Box::new(BufReader::new(body.into_reader())),
        }
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(given, _)| given == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The next event with data; none at the end.
    #[track_caller]
    pub fn next(&mut self) -> Option<Event> {
        let mut id = None;
        loop {
            let mut line = String::new();
            if self.lines.read_line(&mut line).expect("an event") == 0 {
                return None;
            }
            match line.trim_end().split_once(": ") {
                Some(("id", given)) => id = Some(given.to_owned()),
                Some(("data", data)) => {
                    let data = serde_json::from_str(data).expect("a frame of JSON");
                    return Some(Event { id, data });
                }
                _ => {}
            }
        }
    }
}
