//! What a handler is given beside its input.

use std::{
    rc::Rc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde::Serialize;

use crate::{EventBuilder, Logger, Result, State, Stream, host};

/// What a handler may do, and what it was called for. Cloning it is cheap.
///
/// ```
/// use motia::prelude::*;
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize)]
/// struct Draft {
///     text: String,
/// }
///
/// #[motia::event(name = "Publish", subscribes = ["draft.ready"], emits = ["draft.published"])]
/// fn handler(input: Draft, ctx: Context) -> Result<()> {
///     ctx.logger().info("publishing", json!({ "length": input.text.len() }));
///     ctx.state().set("drafts", ctx.trace_id(), &input)?;
///     let kept: Option<Draft> = ctx.state().get("drafts", ctx.trace_id())?;
///     ctx.streams("posts").set("all", "latest", &json!({ "text": input.text }))?;
///     ctx.emit("draft.published", &kept)?;
///     Ok(())
/// }
///
/// motia::testing::event::<handler>("draft.ready", json!({ "text": "Hello" })).unwrap();
/// assert_eq!(motia::testing::emitted()[0].data["text"], "Hello");
/// ```
#[derive(Debug, Clone)]
pub struct Context(Rc<Call>);

/// The parts of an invocation that are the same for every kind of trigger.
#[derive(Debug, Clone, Default)]
pub(crate) struct Call {
    pub id: String,
    pub trace_id: String,
    pub flows: Vec<String>,
    pub attempt: u32,
    /// In milliseconds since 1970-01-01 UTC.
    pub deadline: u64,
}

impl Context {
    pub(crate) fn new(call: Call) -> Self {
        Self(Rc::new(call))
    }

    /// Emits an event and returns its id. It is on disk before the host acknowledges what the step was
    /// called for; an atomic step emits when it succeeds.
    #[track_caller]
    pub fn emit(&self, topic: &str, data: &(impl Serialize + ?Sized)) -> Result<String> {
        self.event(topic, data).emit()
    }

    /// Emits an event that steps with a `fifo` queue get in order with the others of its group, and returns its id.
    #[track_caller]
    pub fn emit_in_group(
        &self,
        topic: &str,
        group: &str,
        data: &(impl Serialize + ?Sized),
    ) -> Result<String> {
        self.event(topic, data).group(group).emit()
    }

    /// Begins an event with options: `ctx.event(topic, &data).delay(an_hour).emit()?`.
    pub fn event(&self, topic: &str, data: &(impl Serialize + ?Sized)) -> EventBuilder {
        EventBuilder::new(topic, data)
    }

    /// Takes back an event that waits for its time, by the id that its `emit` returned. False if there is nothing
    /// left to take back: every step has been given it, or it was cancelled before.
    #[track_caller]
    pub fn cancel(&self, event_id: &str) -> Result<bool> {
        Ok(host::cancel(event_id)?)
    }

    /// Values that steps share.
    pub fn state(&self) -> State {
        State(())
    }

    /// A stream, by its name.
    pub fn streams<'a>(&self, name: &'a str) -> Stream<'a> {
        Stream(name)
    }

    /// The step's log.
    pub fn logger(&self) -> Logger {
        Logger(())
    }

    /// Shared by everything that one request or tick causes.
    pub fn trace_id(&self) -> &str {
        &self.0.trace_id
    }

    /// The same for every attempt of one delivery: a key for work that must not be done twice.
    pub fn id(&self) -> &str {
        &self.0.id
    }

    /// The flows of the step.
    pub fn flows(&self) -> &[String] {
        &self.0.flows
    }

    /// 1 for the first attempt.
    pub fn attempt(&self) -> u32 {
        self.0.attempt
    }

    /// When the host ends the call.
    pub fn deadline(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_millis(self.0.deadline)
    }

    /// How long the call may still take.
    pub fn time_left(&self) -> Duration {
        self.deadline().duration_since(SystemTime::now()).unwrap_or_default()
    }
}
