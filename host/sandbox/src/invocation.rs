//! What goes into a step and what comes out, in plain Rust: no generated types.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use motia_manifest::TraceId;

/// A file or field of a multipart body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The name of the form's field.
    pub name: String,
    /// The file name that the client gave; none for a plain field.
    pub file_name: Option<String>,
    /// The media type that the client gave.
    pub content_type: Option<String>,
    /// The content.
    pub data: Bytes,
}

/// How a request's raw body is to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequestBody {
    /// There is none.
    Empty,
    /// One valid JSON text.
    Json,
    /// Text in UTF-8.
    Text,
    /// Bytes.
    Bytes,
    /// A form; here are its fields as a JSON object.
    Form(String),
    /// A multipart form; here are its parts.
    Multipart(Vec<Part>),
}

/// An HTTP request to an api step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// In upper case.
    pub method: String,
    /// As the client sent it, without the query.
    pub path: String,
    /// The parameters of the step's path, decoded.
    pub path_params: Vec<(String, String)>,
    /// The query as a JSON object.
    pub query_params: String,
    /// Names in lower case, in the order in which they came.
    pub headers: Vec<(String, String)>,
    /// After encodings were undone.
    pub raw_body: Bytes,
    /// How to read `raw_body`.
    pub body: RequestBody,
}

/// The body of a response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ResponseBody {
    /// None.
    Empty,
    /// One JSON text; the sandbox has checked that it is valid.
    Json(String),
    /// Text.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
}

/// What an api step answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// 200 to 599.
    pub status: u16,
    /// In the order in which the step gave them.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: ResponseBody,
}

/// An event as a step gets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Unique.
    pub id: String,
    /// Its topic.
    pub topic: String,
    /// Its data, one JSON text.
    pub data: String,
    /// Its message group.
    pub message_group_id: Option<String>,
    /// What the emitter says about it.
    pub headers: Vec<(String, String)>,
}

/// A change of a state value. Values are JSON texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateChange {
    /// The state's group.
    pub group_id: String,
    /// The key in the group.
    pub key: String,
    /// The value before.
    pub old_value: Option<String>,
    /// The value after.
    pub new_value: Option<String>,
}

/// What happened to a stream item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamAction {
    /// There was none.
    Create,
    /// There was one.
    Update,
    /// There is none any more.
    Delete,
}

/// A change of a stream item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamChange {
    /// The stream's name.
    pub stream_name: String,
    /// The item's group.
    pub group_id: String,
    /// The item's id.
    pub id: String,
    /// What happened.
    pub action: StreamAction,
    /// The item after the change, or the deleted item: one JSON text.
    pub data: String,
}

/// Who wants to follow streams.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthRequest {
    /// Names in lower case, in the order in which they came.
    pub headers: Vec<(String, String)>,
    /// The path and the query as the client sent them.
    pub url: String,
}

/// What a client follows, or wants to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubscriptionRequest {
    /// The stream's name.
    pub stream_name: String,
    /// The group.
    pub group_id: String,
    /// One item; none for all of the group.
    pub id: Option<String>,
    /// Who the client is, one JSON text; none for an anonymous one.
    pub context: Option<String>,
}

/// Why a step is invoked; the last four concern clients of streams.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trigger {
    /// An HTTP request.
    Api(Request),
    /// An event.
    Event(Event),
    /// Events that were gathered.
    Batch(Vec<Event>),
    /// A cron tick.
    Cron {
        /// When it was due.
        scheduled_at: SystemTime,
    },
    /// A change of a state value.
    State(StateChange),
    /// A change of a stream item.
    Stream(StreamChange),
    /// A client has come: who is it?
    Authenticate(AuthRequest),
    /// A client wants to follow a stream: may it?
    CanAccess(SubscriptionRequest),
    /// A client that may follow a stream joins.
    Join(SubscriptionRequest),
    /// A client does not follow a stream any more.
    Leave(SubscriptionRequest),
}

impl Trigger {
    /// Whether it is of no use without an answer.
    pub(crate) fn expects_response(&self) -> bool {
        matches!(self, Self::Api(_) | Self::CanAccess(_) | Self::Join(_))
    }
}

/// One call of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invocation {
    /// The same for every attempt of one delivery, unique otherwise.
    pub id: String,
    /// Shared by everything that one request or tick causes.
    pub trace_id: TraceId,
    /// 1 for the first attempt.
    pub attempt: u32,
    /// Why.
    pub trigger: Trigger,
}

/// What the guest said when its handler failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The error's type.
    pub name: String,
    /// What went wrong, for a person.
    pub message: String,
    /// The guest's stack trace.
    pub stack: Option<String>,
    /// Whether another attempt may succeed.
    pub retryable: bool,
    /// How long to wait before the next attempt.
    pub retry_after: Option<Duration>,
}
