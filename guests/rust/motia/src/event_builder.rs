//! Events that are emitted with options.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Serialize;

use crate::{
    Result,
    host::{self, EmitOptions},
};

/// An event that is not emitted yet; [`Context::event`](crate::Context::event) begins one.
///
/// ```
/// use motia::prelude::*;
/// use std::time::Duration;
///
/// #[motia::event(name = "Remind", subscribes = ["order.created"], emits = ["reminder.due"])]
/// fn handler(order: Value, ctx: Context) -> Result<()> {
///     let id = ctx
///         .event("reminder.due", &order)
///         .delay(Duration::from_secs(3600))
///         .priority(5)
///         .header("reason", "no payment yet")
///         .emit()?;
///     ctx.state().set("reminders", ctx.trace_id(), &id)
/// }
///
/// motia::testing::event::<handler>("order.created", json!({ "id": 7 })).unwrap();
/// let reminder = &motia::testing::emitted()[0];
/// assert_eq!(reminder.delay, Some(Duration::from_secs(3600)));
/// assert!(motia::testing::context().cancel(&reminder.id).unwrap());
/// ```
#[derive(Debug)]
#[must_use = "an event is emitted by `.emit()`"]
pub struct EventBuilder {
    topic: String,
    data: serde_json::Result<String>,
    options: EmitOptions,
}

impl EventBuilder {
    pub(crate) fn new(topic: &str, data: &(impl Serialize + ?Sized)) -> Self {
        let data = serde_json::to_string(data);
        Self { topic: topic.to_owned(), data, options: EmitOptions::default() }
    }

    /// Steps with a `fifo` queue get the events of one group in order.
    pub fn group(mut self, key: impl Into<String>) -> Self {
        self.options.message_group_id = Some(key.into());
        self
    }

    /// A name of your own for the event: within 24 hours, another one with the same name and topic is not
    /// stored, and its `emit` returns the id of the first.
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.options.id = Some(id.into());
        self
    }

    /// Delivers it at this time; at once if it is past.
    pub fn at(mut self, time: SystemTime) -> Self {
        self.options.at = Some(millis(time.duration_since(UNIX_EPOCH).unwrap_or_default()));
        self
    }

    /// Delivers it after this long; not together with [`at`](Self::at).
    pub fn delay(mut self, delay: Duration) -> Self {
        self.options.delay = Some(millis(delay));
        self
    }

    /// From -100 to 100; those with a higher one are delivered first. 0 otherwise.
    pub fn priority(mut self, priority: i32) -> Self {
        self.options.priority = Some(priority);
        self
    }

    /// Adds something that the event carries beside its data.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.options.headers.push((name.into(), value.into()));
        self
    }

    /// Emits it and returns its id.
    #[track_caller]
    pub fn emit(self) -> Result<String> {
        Ok(host::emit(&self.topic, &self.data?, self.options)?)
    }
}

fn millis(duration: Duration) -> u64 {
    duration.as_millis().try_into().unwrap_or(u64::MAX)
}
