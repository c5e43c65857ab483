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
//!     ctx.emit("report.due", &json!({ "kind": "daily" }))
//! }
//!
//! motia::testing::tick::<handler>().unwrap();
//! assert_eq!(motia::testing::emitted()[0].topic, "report.due");
//! ```

use serde_json::Value;

pub use crate::host::Level;
use crate::{
    Context, CronTick, Event, Request, Response, Result, Step, Trigger, context::Call, host::with,
};

/// An event that was emitted.
#[derive(Debug, Clone, PartialEq)]
pub struct Emitted {
    /// The topic.
    pub topic: String,
    /// The data.
    pub data: Value,
    /// The group, where one was given.
    pub message_group_id: Option<String>,
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
pub fn config<S: Step>() -> Value {
    S::config()
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

/// Calls a step for any trigger.
pub fn call<S: Step>(trigger: Trigger) -> Result<Option<Response>> {
    S::handle(trigger, context())
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
    let event = Event { topic: topic.to_owned(), data, message_group_id: None };
    call::<S>(Trigger::Event(event)).map(drop)
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
