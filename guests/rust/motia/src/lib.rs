//! Backend steps in Rust: HTTP endpoints, event handlers and scheduled jobs, each a file
//! `steps/*_step.rs` that the host runs as a WebAssembly component.
//!
//! A step is one function with an attribute: [`api`], [`event`], [`cron`], [`state_change`] or
//! [`stream_change`]; [`noop!`] declares a step that is only drawn, [`stream!`] a stream, and [`step`]
//! is for a config of one's own. The function is given its input, already deserialised, and a
//! [`Context`] with all that it may do.
//!
//! ```
//! use motia::prelude::*;
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Deserialize, JsonSchema)]
//! struct Message {
//!     text: String,
//! }
//!
//! #[derive(Serialize, JsonSchema)]
//! struct Accepted {
//!     ok: bool,
//! }
//!
//! #[motia::api(
//!     name = "SendMessage",
//!     method = "POST",
//!     path = "/messages",
//!     emits = ["message.sent"],
//!     flows = ["messages"],
//! )]
//! fn handler(req: Request<Message>, ctx: Context) -> Result<Response<Accepted>> {
//!     ctx.emit("message.sent", &json!({ "text": req.body.text }))?;
//!     Ok(Response::ok(Accepted { ok: true }))
//! }
//! # let config = motia::testing::config::<handler>();
//! # assert_eq!(config["bodySchema"]["required"], json!(["text"]));
//! ```
//!
//! Types that implement [`JsonSchema`](schemars::JsonSchema) become the step's schemas, so the host
//! refuses what does not fit before the step starts. Calls to the host are plain functions: they
//! wait without holding a thread. Outside of WebAssembly the host is a small one in memory, see
//! [`testing`], so that `cargo test` runs a project's handlers as they are.

#![deny(missing_docs)]

mod answer;
mod config;
mod context;
mod error;
mod event_builder;
#[cfg(target_arch = "wasm32")]
mod glue;
mod host;
mod input;
mod logger;
mod middleware;
mod request;
mod response;
mod run;
mod state;
mod streams;
#[cfg(not(target_arch = "wasm32"))]
pub mod testing;
mod trigger;

pub use answer::Answer;
pub use context::Context;
pub use error::{Error, Result};
pub use event_builder::EventBuilder;
pub use host::HostError;
pub use logger::Logger;
pub use middleware::Next;
pub use motia_macros::{api, cron, event, noop, state_change, step, stream, stream_change};
pub use request::{Part, Request};
pub use response::{Body, Response};
pub use run::Step;
pub use schemars;
pub use serde_json::{Value, json};
pub use state::{State, Update};
pub use streams::Stream;
pub use trigger::{
    AuthRequest, CronTick, Event, StateChange, StreamAction, StreamChange, Subscription, Trigger,
};

/// What nearly every step uses: `use motia::prelude::*;`.
pub mod prelude {
    pub use crate::{
        Context, CronTick, Error, Event, Next, Request, Response, Result, StateChange,
        StreamAction, StreamChange, Subscription, Trigger, Update,
    };
    pub use schemars::JsonSchema;
    pub use serde_json::{Value, json};
}

#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;

#[doc(hidden)]
pub mod __private {
    pub use crate::config::{
        Config, Probe, WithSchema, WithoutSchema, by_status, of_success, schema_of, value,
    };
    #[cfg(target_arch = "wasm32")]
    pub use crate::glue::bindings;
    pub use crate::input::{FromApi, FromCron, FromEvent};
    pub use crate::run::{
        api, batch, cron, event, finished, not_called, state_change, step, stream_change, verdict,
    };
    pub use serde_json::Value;
}
