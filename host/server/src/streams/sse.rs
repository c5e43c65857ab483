//! Streams over plain HTTP: `GET /__motia/streams/NAME/GROUP` or `.../GROUP/ID`, answered with server-sent events.
//!
//! An event's data is a frame of the stream protocol, its id the offset; a browser that comes back says the last one
//! that it got, and gets what it has missed.

use std::{convert::Infallible, time::Duration};

use bytes::{Bytes, BytesMut};
use futures_util::stream;
use http::{
    HeaderName, HeaderValue, Method, Response, StatusCode,
    header::{CACHE_CONTROL, CONTENT_TYPE},
    request::Parts,
};
use http_body_util::{BodyExt, Either, Full, StreamBody};
use hyper::body::Frame;
use motia_engine::{Join, Joined, LiveClient, LiveEnd, LiveFrame, LiveFrames};
use percent_encoding::percent_decode_str;
use tokio::{sync::watch, time::timeout};

use super::{Streams, until_stopped};
use crate::{
    dev::AnswerBody,
    error::HttpError,
    query,
    respond::{self, HttpResponse},
};

/// Where streams are.
const BASE: &str = "/__motia/streams/";

/// How long an answer is silent at most: proxies and browsers give up on longer silence.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// Tells browsers to come back after two seconds.
const RETRY: &[u8] = b"retry: 2000\n\n";

/// So many bytes of events go to the connection at once, or one event that is larger.
const CHUNK: usize = 16 * 1024;

/// The last thing that a client is told which does not read.
const TOO_SLOW: &[u8] = b": the events are not read fast enough; come back with the last id\n\n";

/// What follows [`BASE`] in a path; none in a path of steps.
pub fn stream_of(path: &str) -> Option<&str> {
    path.strip_prefix(BASE)
}

impl Streams {
    /// Answers a request for a stream.
    pub async fn follow(&self, stream: &str, head: &Parts, trace_id: &str) -> Response<AnswerBody> {
        let (mut response, events) = match self.events(stream, head).await {
            Ok(Some(events)) => (event_stream(), Some(events)),
            Ok(None) => (respond::no_content(), None),
            Err(error) => (respond::from_error(&error, trace_id, self.exposure), None),
        };
        let is_read = head.method == Method::GET;
        respond::finish(&mut response, &head.method, trace_id);
        response.map(|body| match events {
            Some(events) if is_read => events.into_body(),
            _ => Either::Left(body),
        })
    }

    /// The events that a request asks for; none if it only asks what it may ask.
    async fn events(&self, stream: &str, head: &Parts) -> Result<Option<Events>, HttpError> {
        if head.method == Method::OPTIONS {
            return Ok(None);
        }
        if head.method != Method::GET && head.method != Method::HEAD {
            let (method, path) = (head.method.as_str(), head.uri.path());
            return Err(HttpError::method_not_allowed(method, path, &["GET", "HEAD"]));
        }
        let join = join_of(stream, head)?;
        let context = self.authenticate(head).await?;
        let known = Join { since: None, ..join.clone() };
        let joined = self.engine.let_in(known, context).await?;
        let (client, frames) = self.engine.connect_live();
        client.join(join).await?;
        let stopped = self.stopped.subscribe();
        Ok(Some(Events::new(client, frames, Some(joined), stopped)))
    }
}

/// The headers of an answer that goes on.
pub fn event_stream() -> HttpResponse {
    let mut response = Response::new(Full::default());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // nginx would hold the events back.
    let buffering = HeaderName::from_static("x-accel-buffering");
    headers.insert(buffering, HeaderValue::from_static("no"));
    response
}

/// What is asked for.
fn join_of(stream: &str, head: &Parts) -> Result<Join, HttpError> {
    let segments = stream.split('/').map(|segment| percent_decode_str(segment).decode_utf8());
    let segments = segments.collect::<Result<Vec<_>, _>>().map_err(|_| {
        let message = "a part of the path is not percent-encoded UTF-8";
        HttpError::bad_request("bad_path_encoding", message)
    })?;
    let (stream, group, id) = match segments.as_slice() {
        [stream, group] => (stream, group, None),
        [stream, group, id] => (stream, group, Some(id)),
        _ => return Err(no_such_path()),
    };
    if segments.iter().any(|segment| segment.is_empty()) {
        return Err(no_such_path());
    }
    Ok(Join {
        stream: stream.to_string(),
        group: group.to_string(),
        id: id.map(ToString::to_string),
        subscription: String::new(),
        since: since_of(head)?,
    })
}

fn no_such_path() -> HttpError {
    let message = format!("a stream is followed at {BASE}NAME/GROUP or {BASE}NAME/GROUP/ID");
    HttpError::new(StatusCode::NOT_FOUND, "not_found", message)
}

/// The last change that the client has. A browser that comes back asks with the query of its first request, and the
/// header says more.
fn since_of(head: &Parts) -> Result<Option<i64>, HttpError> {
    let last = head.headers.get("last-event-id").and_then(|last| last.to_str().ok());
    if let Some(last) = last.and_then(|last| last.parse().ok()) {
        return Ok(Some(last));
    }
    let mut parameters = query::pairs(head.uri.query().unwrap_or_default());
    match parameters.find(|(name, value)| name == "since" && !value.is_empty()) {
        None => Ok(None),
        Some((_, since)) => since.parse().map(Some).map_err(|_| {
            let message = format!("`since` is `{since}`; expected is an offset: a number");
            HttpError::bad_request("invalid_query", message)
        }),
    }
}

enum Stage {
    Begins,
    GoesOn,
    Ends,
}

/// The body of an answer. Dropping it leaves the stream.
pub struct Events {
    frames: LiveFrames,
    stopped: watch::Receiver<bool>,
    stage: Stage,
    _client: LiveClient,
    /// None where the project was not asked.
    _joined: Option<Joined>,
}

impl Events {
    /// What a client follows, until the server stops.
    pub fn new(
        client: LiveClient,
        frames: LiveFrames,
        joined: Option<Joined>,
        stopped: watch::Receiver<bool>,
    ) -> Self {
        Self { frames, stopped, stage: Stage::Begins, _client: client, _joined: joined }
    }

    /// As an answer's body.
    pub fn into_body(self) -> AnswerBody {
        let frames = stream::unfold(self, |mut events| async move {
            let bytes = events.next().await?;
            Some((Ok::<_, Infallible>(Frame::data(bytes)), events))
        });
        Either::Right(StreamBody::new(frames).boxed_unsync())
    }

    /// The next events, or a comment after some silence; none once there are no more.
    async fn next(&mut self) -> Option<Bytes> {
        match self.stage {
            Stage::Begins => {
                self.stage = Stage::GoesOn;
                return Some(Bytes::from_static(RETRY));
            }
            Stage::GoesOn => {}
            Stage::Ends => return None,
        }
        let frame = tokio::select! {
            biased;
            () = until_stopped(&mut self.stopped) => return None,
            frame = timeout(HEARTBEAT, self.frames.next()) => frame,
        };
        match frame {
            Ok(Some(frame)) => Some(self.batch(&frame)),
            Ok(None) => {
                self.stage = Stage::Ends;
                let is_slow = self.frames.ended() == Some(LiveEnd::TooSlow);
                is_slow.then(|| Bytes::from_static(TOO_SLOW))
            }
            Err(_) => Some(Bytes::from_static(b":\n\n")),
        }
    }

    /// A frame and those that wait behind it.
    fn batch(&mut self, first: &LiveFrame) -> Bytes {
        let mut events = BytesMut::new();
        write_event(&mut events, first);
        while events.len() < CHUNK
            && let Some(frame) = self.frames.take()
        {
            write_event(&mut events, &frame);
        }
        events.freeze()
    }
}

fn write_event(events: &mut BytesMut, frame: &LiveFrame) {
    if let Some(offset) = frame.offset {
        events.extend_from_slice(format!("id: {offset}\n").as_bytes());
    }
    events.extend_from_slice(b"data: ");
    // An event's data is one line. JSON has line breaks only between its tokens.
    let is_break = |byte: &u8| matches!(byte, b'\n' | b'\r');
    for line in frame.json.split(is_break) {
        events.extend_from_slice(line);
    }
    events.extend_from_slice(b"\n\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(uri: &str, headers: &[(&str, &str)]) -> Parts {
        let mut request = http::Request::builder().uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    fn join(uri: &str, headers: &[(&str, &str)]) -> Result<Join, HttpError> {
        let head = head(uri, headers);
        join_of(stream_of(head.uri.path()).unwrap(), &head)
    }

    #[test]
    fn a_path_names_a_group_or_an_item() {
        let group = join("/__motia/streams/todos/a%2Fb%20c", &[]).unwrap();
        assert_eq!(
            (group.stream.as_str(), group.group.as_str(), group.id, group.since),
            ("todos", "a/b c", None, None)
        );
        let item = join("/__motia/streams/todos/g/1?since=4&authToken=x", &[]).unwrap();
        assert_eq!((item.id.as_deref(), item.since), (Some("1"), Some(4)));
        for (path, code) in [
            ("/__motia/streams/todos", "not_found"),
            ("/__motia/streams/todos/", "not_found"),
            ("/__motia/streams/todos/g/1/2", "not_found"),
            ("/__motia/streams/todos/%ff", "bad_path_encoding"),
            ("/__motia/streams/todos/g?since=x", "invalid_query"),
        ] {
            assert_eq!(join(path, &[]).unwrap_err().code, code, "{path}");
        }
    }

    #[test]
    fn the_last_event_id_says_more_than_the_query() {
        let since = |last: &str| {
            let headers = [("last-event-id", last)];
            join("/__motia/streams/todos/g?since=4", &headers).unwrap().since
        };
        assert_eq!((since("9"), since("other")), (Some(9), Some(4)));
    }

    #[test]
    fn a_frame_is_one_event() {
        let mut events = BytesMut::new();
        let frame = |json: &'static str, offset| LiveFrame { json: Bytes::from(json), offset };
        write_event(&mut events, &frame("{\"a\":\r\n1}", Some(7)));
        write_event(&mut events, &frame("{}", None));
        assert_eq!(&events[..], b"id: 7\ndata: {\"a\":1}\n\ndata: {}\n\n");
    }
}
