//! Running handlers in `cargo test`, against a host in memory.
//!
//! Each thread has a host of its own, and the test harness gives each test a thread: what a handler
//! stores and emits is there for the test to see and gone with it.
//!
//! ```
//! use motia::prelude::*;
//!
//! #[motia::cron(name = "Daily", cron = "0 9 * * *", emits = ["report.due"])]
//! fn handler(ctx: Context) -> Result<()> {
//!     ctx.emit("report.due", &json!({ "kind": "daily" }))?;
//!     Ok(())
//! }
//!
//! motia::testing::tick::<handler>().unwrap();
//! assert_eq!(motia::testing::emitted()[0].topic, "report.due");
//! ```

use std::time::{Duration, SystemTime};

use serde_json::Value;

pub use crate::host::Level;
use crate::{
    Context, CronTick, Event, Request, Response, Result, StateChange, Step, StreamChange, Trigger,
    context::Call, host::with,
};

/// An event that was emitted and not cancelled.
#[derive(Debug, Clone, PartialEq)]
pub struct Emitted {
    /// What `emit` returned.
    pub id: String,
    /// The topic.
    pub topic: String,
    /// The data.
    pub data: Value,
    /// The group, where one was given.
    pub message_group_id: Option<String>,
    /// The emitter's own name for it, where one was given as its `id`.
    pub name: Option<String>,
    /// When it is to be delivered.
    pub at: Option<SystemTime>,
    /// After how long it is to be delivered.
    pub delay: Option<Duration>,
    /// The priority, 0 if none was given.
    pub priority: i32,
    /// What the emitter says about it.
    pub headers: Vec<(String, String)>,
}

/// Something that was sent through a stream without being stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Sent {
    /// The stream.
    pub stream: String,
    /// The group.
    pub group_id: String,
    /// The item; none if it went to the whole group.
    pub id: Option<String>,
    /// What kind of event it is.
    pub kind: String,
    /// The data.
    pub data: Value,
}

/// A log record.
#[derive(Debug, Clone, PartialEq)]
pub struct LogRecord {
    /// How much it matters.
    pub level: Level,
    /// The message.
    pub message: String,
    /// The record's own fields, `null` if there are none.
    pub fields: Value,
}

/// The config of a step.
///
/// # Panics
///
/// When something is wrong with it; the build says so too.
pub fn config<S: Step>() -> Value {
    S::config().unwrap_or_else(|error| panic!("{error}"))
}

/// A context as a handler has it.
pub fn context() -> Context {
    let id = "test".to_owned();
    Context::new(Call {
        id: id.clone(),
        trace_id: id,
        attempt: 1,
        deadline: u64::from(u32::MAX) * 1000,
        ..Call::default()
    })
}

/// Calls a step for any trigger. An atomic step that fails leaves nothing but its log, and what it sent.
pub fn call<S: Step>(trigger: Trigger) -> Result<Option<Response>> {
    let before = with(|memory| memory.clone());
    let result = S::handle(trigger, context());
    if result.is_err() && config::<S>()["atomic"] == true {
        with(|memory| memory.take_back_to(before));
    }
    result
}

/// Sends a request to an api step.
///
/// # Panics
///
/// When the step succeeds without a response, which an api step cannot.
pub fn request<S: Step>(request: Request<Value>) -> Result<Response> {
    Ok(call::<S>(Trigger::Api(request))?.expect("an api step answers"))
}

/// Sends an event to an event step.
pub fn event<S: Step>(topic: &str, data: Value) -> Result {
    call::<S>(Trigger::Event(Event::new(topic, data))).map(drop)
}

/// Sends a batch of events of one topic to an event step.
pub fn batch<S: Step>(topic: &str, data: impl IntoIterator<Item = Value>) -> Result {
    let events = data.into_iter().map(|data| Event::new(topic, data)).collect();
    call::<S>(Trigger::Batch(events)).map(drop)
}

/// Tells a step of a change of state.
pub fn state_change<S: Step>(change: StateChange) -> Result {
    call::<S>(Trigger::State(change)).map(drop)
}

/// Tells a step of a change of a stream item.
pub fn stream_change<S: Step>(change: StreamChange) -> Result {
    call::<S>(Trigger::Stream(change)).map(drop)
}

/// Calls a cron step.
pub fn tick<S: Step>() -> Result {
    call::<S>(Trigger::Cron(CronTick { scheduled_at: 0 })).map(drop)
}

/// What was emitted on this thread.
pub fn emitted() -> Vec<Emitted> {
    with(|memory| memory.emitted.clone())
}

/// What was sent through streams on this thread.
pub fn sent() -> Vec<Sent> {
    with(|memory| memory.sent.clone())
}

/// What was logged on this thread.
pub fn logs() -> Vec<LogRecord> {
    with(|memory| memory.logs.clone())
}

/// Forgets everything on this thread.
pub fn reset() {
    with(|memory| *memory = Default::default());
}
