//! The calls to the host: in a component its imports, elsewhere a stand-in in memory.

use std::fmt;

use serde_json::Value;

#[cfg(target_arch = "wasm32")]
mod imports;
#[cfg(not(target_arch = "wasm32"))]
pub(crate) mod memory;

#[cfg(target_arch = "wasm32")]
pub(crate) use imports::*;
#[cfg(not(target_arch = "wasm32"))]
pub(crate) use memory::*;

/// Why the host refused a call, or could not carry it out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostError {
    /// The step was not granted this, for example an emit to a topic that it does not declare.
    Denied(String),
    /// The arguments make no sense.
    Invalid(String),
    /// A limit was reached.
    Limit(String),
    /// The host could not carry it out for a reason of its own.
    Unavailable(String),
}

impl HostError {
    /// Whether the same call may succeed later.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Limit(_) | Self::Unavailable(_))
    }
}

impl fmt::Display for HostError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Denied(text) => write!(f, "denied: {text}"),
            Self::Invalid(text) => write!(f, "invalid: {text}"),
            Self::Limit(text) => write!(f, "limit reached: {text}"),
            Self::Unavailable(text) => write!(f, "unavailable: {text}"),
        }
    }
}

impl std::error::Error for HostError {}

/// How much a log record matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// For the developer.
    Debug,
    /// For the record.
    Info,
    /// Something that should not be.
    Warn,
    /// Something that failed.
    Error,
}

/// One part of an update.
#[derive(Debug, Clone)]
pub enum UpdateOp {
    Set(String, Value),
    Merge(String, Value),
    Increment(String, f64),
    Decrement(String, f64),
    Remove(String),
}

/// How an event is delivered.
#[derive(Debug, Clone, Default)]
pub struct EmitOptions {
    pub message_group_id: Option<String>,
    /// The emitter's own name for the event.
    pub id: Option<String>,
    /// In milliseconds since 1970-01-01 UTC.
    pub at: Option<u64>,
    /// In milliseconds.
    pub delay: Option<u64>,
    pub priority: Option<i32>,
    pub headers: Vec<(String, String)>,
}

pub(crate) type Answer<T> = Result<T, HostError>;
