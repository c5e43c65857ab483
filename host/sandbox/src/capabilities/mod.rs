//! What a guest can ask of the host, in plain Rust, and the glue from the generated bindings.
//!
//! One file for each interface of the world. Each checks the guest's arguments and counts them
//! against the limits, then hands over to [`Capabilities`].

mod emitter;
mod logger;
pub use logger::bounded;
mod state;
mod streams;

use std::{
    future::Future,
    pin::Pin,
    time::{Duration, Instant},
};

use serde::de::IgnoredAny;

use crate::{bindings::motia::step::types, host::Host};

/// Why the host refused a call. The guest gets it as the WIT variant `error`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HostError {
    /// Not granted.
    #[error("{0}")]
    Denied(String),
    /// Arguments that make no sense.
    #[error("{0}")]
    Invalid(String),
    /// A limit was reached.
    #[error("{0}")]
    Limit(String),
    /// The host failed.
    #[error("{0}")]
    Unavailable(String),
}

/// The future of a host call.
pub type HostFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, HostError>> + Send + 'a>>;

/// How an event is delivered.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EmitOptions {
    /// The key within which events are in order.
    pub message_group_id: Option<String>,
    /// The emitter's own name for the event.
    pub id: Option<String>,
    /// When to deliver it, in milliseconds since 1970-01-01 UTC.
    pub at: Option<u64>,
    /// How long to wait before it is delivered, in milliseconds.
    pub delay: Option<u64>,
    /// The higher ones go first; from -100 to 100.
    pub priority: Option<i32>,
    /// What the emitter says about the event.
    pub headers: Vec<(String, String)>,
}

/// A state key and its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// One JSON text.
    pub value: String,
}

/// A stream item and its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// The id.
    pub id: String,
    /// One JSON text.
    pub data: String,
}

/// One part of an atomic update of a state value.
#[derive(Debug, Clone, PartialEq)]
pub enum UpdateOp {
    /// Sets the field at a path to a JSON text.
    Set(String, String),
    /// Merges a JSON object's fields at a path.
    Merge(String, String),
    /// Adds to the number at a path.
    Increment(String, f64),
    /// Subtracts from the number at a path.
    Decrement(String, f64),
    /// Removes the field at a path.
    Remove(String),
}

/// How much a log record matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// For the author of the step.
    Debug,
    /// What happened.
    Info,
    /// What may be wrong.
    Warn,
    /// What is wrong.
    Error,
}

/// A log record of a guest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogRecord {
    /// How much it matters.
    pub level: LogLevel,
    /// What it says.
    pub message: String,
    /// A JSON object with the record's own fields.
    pub args: Option<String>,
}

/// What one invocation may ask of the host. JSON texts that reach it are valid.
pub trait Capabilities: Send + Sync + 'static {
    /// Emits an event and returns its id.
    fn emit(&self, topic: String, data: String, options: EmitOptions) -> HostFuture<'_, String>;
    /// Takes back an event that waits; whether there was anything to take back.
    fn cancel(&self, id: String) -> HostFuture<'_, bool>;

    /// A state value.
    fn state_get(&self, group: String, key: String) -> HostFuture<'_, Option<String>>;
    /// Stores a state value and returns the one before.
    fn state_set(
        &self,
        group: String,
        key: String,
        value: String,
    ) -> HostFuture<'_, Option<String>>;
    /// Deletes a state value and returns it.
    fn state_delete(&self, group: String, key: String) -> HostFuture<'_, Option<String>>;
    /// All values of a group.
    fn state_group(&self, group: String) -> HostFuture<'_, Vec<Entry>>;
    /// Deletes all values of a group.
    fn state_clear(&self, group: String) -> HostFuture<'_, ()>;
    /// Applies all operations or none, and returns the new value.
    fn state_update(
        &self,
        group: String,
        key: String,
        ops: Vec<UpdateOp>,
    ) -> HostFuture<'_, String>;

    /// A stream item.
    fn stream_get(
        &self,
        stream: String,
        group: String,
        id: String,
    ) -> HostFuture<'_, Option<String>>;
    /// Stores a stream item and returns it as stored.
    fn stream_set(
        &self,
        stream: String,
        group: String,
        id: String,
        data: String,
    ) -> HostFuture<'_, String>;
    /// Deletes a stream item and returns it.
    fn stream_delete(
        &self,
        stream: String,
        group: String,
        id: String,
    ) -> HostFuture<'_, Option<String>>;
    /// All items of a group.
    fn stream_group(&self, stream: String, group: String) -> HostFuture<'_, Vec<Item>>;
    /// Tells subscribers something that is not stored.
    fn stream_send(
        &self,
        stream: String,
        group: String,
        id: Option<String>,
        event_type: String,
        data: String,
    ) -> HostFuture<'_, ()>;

    /// Writes a log record.
    fn log(&self, record: LogRecord);

    /// The instance is ready, and its handler is called now.
    fn instantiated(&self) {}
    /// For how long the guest's own code has run, once it has ended.
    fn used_cpu(&self, _: Duration) {}
    /// The header `traceparent` of outgoing requests (W3C Trace Context).
    fn traceparent(&self) -> Option<String> {
        None
    }
    /// An outgoing request has its answer, or none.
    fn requested(&self, _: OutgoingRequest) {}
}

/// An outgoing HTTP request of a guest, as it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutgoingRequest {
    /// The method.
    pub method: String,
    /// Where to, without a query: that may hold secrets.
    pub url: String,
    /// When it began.
    pub began: Instant,
    /// The status of the answer, or why there is none.
    pub answer: Result<u16, String>,
}

/// Refuses everything: for reading a config at build time.
pub struct NoCapabilities;

fn denied<T>(what: &str) -> HostFuture<'static, T>
where
    T: Send,
{
    let message = format!("{what} is not available while the config is read");
    Box::pin(async move { Err(HostError::Denied(message)) })
}

impl Capabilities for NoCapabilities {
    fn emit(&self, _: String, _: String, _: EmitOptions) -> HostFuture<'_, String> {
        denied("emit")
    }
    fn cancel(&self, _: String) -> HostFuture<'_, bool> {
        denied("cancel")
    }
    fn state_get(&self, _: String, _: String) -> HostFuture<'_, Option<String>> {
        denied("state")
    }
    fn state_set(&self, _: String, _: String, _: String) -> HostFuture<'_, Option<String>> {
        denied("state")
    }
    fn state_delete(&self, _: String, _: String) -> HostFuture<'_, Option<String>> {
        denied("state")
    }
    fn state_group(&self, _: String) -> HostFuture<'_, Vec<Entry>> {
        denied("state")
    }
    fn state_clear(&self, _: String) -> HostFuture<'_, ()> {
        denied("state")
    }
    fn state_update(&self, _: String, _: String, _: Vec<UpdateOp>) -> HostFuture<'_, String> {
        denied("state")
    }
    fn stream_get(&self, _: String, _: String, _: String) -> HostFuture<'_, Option<String>> {
        denied("streams")
    }
    fn stream_set(&self, _: String, _: String, _: String, _: String) -> HostFuture<'_, String> {
        denied("streams")
    }
    fn stream_delete(&self, _: String, _: String, _: String) -> HostFuture<'_, Option<String>> {
        denied("streams")
    }
    fn stream_group(&self, _: String, _: String) -> HostFuture<'_, Vec<Item>> {
        denied("streams")
    }
    fn stream_send(
        &self,
        _: String,
        _: String,
        _: Option<String>,
        _: String,
        _: String,
    ) -> HostFuture<'_, ()> {
        denied("streams")
    }
    fn log(&self, _: LogRecord) {}
}

impl From<HostError> for types::Error {
    fn from(error: HostError) -> Self {
        match error {
            HostError::Denied(message) => Self::Denied(message),
            HostError::Invalid(message) => Self::Invalid(message),
            HostError::Limit(message) => Self::Limit(message),
            HostError::Unavailable(message) => Self::Unavailable(message),
        }
    }
}

impl types::Host for Host {}

/// What a binding returns: a trap is for the host's own faults, and none of these has one.
type Answer<T> = wasmtime::Result<Result<T, types::Error>>;

/// Checks that a guest's text is JSON of at most `limit` bytes; `what` names it and its limit.
fn check_json(text: &str, limit: usize, what: (&str, &str)) -> Result<(), HostError> {
    let (name, limit_name) = what;
    if text.len() > limit {
        let bytes = text.len();
        return Err(HostError::Limit(format!(
            "{name} has {bytes} bytes; the limit `{limit_name}` is {limit}"
        )));
    }
    match serde_json::from_str::<IgnoredAny>(text) {
        Ok(_) => Ok(()),
        Err(error) => Err(HostError::Invalid(format!("{name} is not valid JSON: {error}"))),
    }
}

/// Checks a name that becomes part of a key.
fn check_name(name: &str, what: &str) -> Result<(), HostError> {
    const NAME_BYTES: usize = 1024;
    if name.is_empty() {
        return Err(HostError::Invalid(format!("{what} is empty")));
    }
    if name.len() > NAME_BYTES {
        let bytes = name.len();
        return Err(HostError::Limit(format!(
            "{what} has {bytes} bytes; at most {NAME_BYTES} are allowed"
        )));
    }
    Ok(())
}
