//! Why a step is called.

use std::fmt::Display;

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{Error, Request, Result};

/// Why a step is called.
#[derive(Debug, Clone)]
pub enum Trigger {
    /// An HTTP request.
    Api(Request<Value>),
    /// An event.
    Event(Event<Value>),
    /// Events that were gathered.
    Batch(Vec<Event<Value>>),
    /// A cron tick.
    Cron(CronTick),
    /// A change of state.
    State(StateChange),
    /// A change of a stream item.
    Stream(StreamChange),
    /// A client of streams has come: who is it?
    Authenticate(AuthRequest),
    /// A client wants to follow a stream: may it?
    CanAccess(Subscription),
    /// A client that may follow a stream joins.
    Join(Subscription),
    /// A client does not follow a stream any more.
    Leave(Subscription),
}

impl Trigger {
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::Api(_) => "api",
            Self::Event(_) => "event",
            Self::Batch(_) => "batch",
            Self::Cron(_) => "cron",
            Self::State(_) => "state",
            Self::Stream(_) => "stream",
            Self::Authenticate(_) => "authenticate",
            Self::CanAccess(_) => "can-access",
            Self::Join(_) => "join",
            Self::Leave(_) => "leave",
        }
    }
}

/// An event with its envelope. An event handler takes this, or only the data; the handler of a step whose queue
/// has `batch` takes a `Vec` of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Event<T = Value> {
    /// Unique; what `emit` returned to the emitter.
    pub id: String,
    /// The topic.
    pub topic: String,
    /// What the emitter sent.
    pub data: T,
    /// The key within which events are in order.
    pub message_group_id: Option<String>,
    /// What the emitter says about the event.
    pub headers: Vec<(String, String)>,
}

impl<T> Event<T> {
    /// A header, by its exact name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

impl Event<Value> {
    /// An event for tests.
    pub fn new(topic: &str, data: Value) -> Self {
        Self {
            id: "test".to_owned(),
            topic: topic.to_owned(),
            data,
            message_group_id: None,
            headers: Vec::new(),
        }
    }

    /// Deserialises the data.
    pub(crate) fn typed<T: DeserializeOwned>(self) -> Result<Event<T>> {
        let Self { id, topic, data, message_group_id, headers } = self;
        let data = read(data, format_args!("the data of `{topic}`"))?;
        Ok(Event { id, topic, data, message_group_id, headers })
    }
}

/// One tick of a cron step's schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CronTick {
    /// When the tick was due, in milliseconds since 1970-01-01 UTC.
    pub scheduled_at: u64,
}

/// A change of a state value that the step watches.
#[derive(Debug, Clone, PartialEq)]
pub struct StateChange<T = Value> {
    /// The state's group.
    pub group_id: String,
    /// The key in the group.
    pub key: String,
    /// The value before; none if there was none.
    pub old_value: Option<T>,
    /// The value after; none if it was deleted.
    pub new_value: Option<T>,
}

impl StateChange<Value> {
    /// Deserialises the values.
    pub(crate) fn typed<T: DeserializeOwned>(self) -> Result<StateChange<T>> {
        let Self { group_id, key, old_value, new_value } = self;
        let read = |value: Option<Value>, which: &str| {
            let what = format!("the {which} value of `{key}` in the group `{group_id}`");
            value.map(|value| read(value, what)).transpose()
        };
        let (old_value, new_value) = (read(old_value, "old")?, read(new_value, "new")?);
        Ok(StateChange { group_id, key, old_value, new_value })
    }
}

/// What happened to a stream item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamAction {
    /// It is new.
    Create,
    /// It was changed.
    Update,
    /// It is gone.
    Delete,
}

/// A change of a stream item that the step watches.
#[derive(Debug, Clone, PartialEq)]
pub struct StreamChange<T = Value> {
    /// The stream's name.
    pub stream_name: String,
    /// The item's group.
    pub group_id: String,
    /// The item's id.
    pub id: String,
    /// What happened.
    pub action: StreamAction,
    /// The item after the change, or the deleted item.
    pub data: T,
}

impl StreamChange<Value> {
    /// Deserialises the item.
    pub(crate) fn typed<T: DeserializeOwned>(self) -> Result<StreamChange<T>> {
        let Self { stream_name, group_id, id, action, data } = self;
        let what = format!("the item `{id}` of `{stream_name}` in the group `{group_id}`");
        let data = read(data, what)?;
        Ok(StreamChange { stream_name, group_id, id, action, data })
    }
}

/// The request of a client that wants to follow streams.
#[derive(Debug, Clone, PartialEq)]
pub struct AuthRequest {
    /// The headers, names in lower case, in the order in which they came.
    pub headers: Vec<(String, String)>,
    /// The path and the query.
    pub url: String,
}

/// What a client follows, or wants to: what the functions of [`stream!`](crate::stream) take.
#[derive(Debug, Clone, PartialEq)]
pub struct Subscription {
    /// The stream's name.
    pub stream_name: String,
    /// The group.
    pub group_id: String,
    /// One item; none for all of the group.
    pub id: Option<String>,
    /// What is known of the client; none for an anonymous one.
    pub context: Option<Value>,
}

/// What does not fit now will not fit at another attempt.
fn read<T: DeserializeOwned>(value: Value, what: impl Display) -> Result<T> {
    serde_json::from_value(value)
        .map_err(|error| Error::new(format!("{what} does not fit: {error}")).non_retryable())
}
