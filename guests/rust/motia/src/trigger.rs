//! Why a step is called.

use serde_json::Value;

use crate::Request;

/// Why a step is called.
#[derive(Debug, Clone)]
pub enum Trigger {
    /// An HTTP request.
    Api(Request<Value>),
    /// An event.
    Event(Event<Value>),
    /// A cron tick.
    Cron(CronTick),
    /// A change of state.
    State(StateChange),
    /// A change of a stream item.
    Stream(StreamChange),
}

impl Trigger {
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::Api(_) => "api",
            Self::Event(_) => "event",
            Self::Cron(_) => "cron",
            Self::State(_) => "state",
            Self::Stream(_) => "stream",
        }
    }
}

/// An event with its envelope. An event handler takes this, or only the data.
#[derive(Debug, Clone, PartialEq)]
pub struct Event<T = Value> {
    /// The topic.
    pub topic: String,
    /// What the emitter sent.
    pub data: T,
    /// The key within which events are in order.
    pub message_group_id: Option<String>,
}

/// One tick of a cron step's schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CronTick {
    /// When the tick was due, in milliseconds since 1970-01-01 UTC.
    pub scheduled_at: u64,
}

/// A change of a state value that the step watches.
#[derive(Debug, Clone, PartialEq)]
pub struct StateChange {
    /// The state's group.
    pub group_id: String,
    /// The key in the group.
    pub key: String,
    /// The value before; none if there was none.
    pub old_value: Option<Value>,
    /// The value after; none if it was deleted.
    pub new_value: Option<Value>,
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
pub struct StreamChange {
    /// The stream's name.
    pub stream_name: String,
    /// The item's group.
    pub group_id: String,
    /// The item's id.
    pub id: String,
    /// What happened.
    pub action: StreamAction,
    /// The item after the change, or the deleted item.
    pub data: Value,
}
