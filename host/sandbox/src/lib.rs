//! Runs steps: one fresh, limited WebAssembly instance for every invocation.
//!
//! This crate knows the world `motia:step` and nothing of topics, routes or storage: what a guest
//! asks for goes to an implementation of [`Capabilities`]. Start with [`Sandbox`], which loads
//! components and invokes them.

#![deny(missing_docs)]

mod bindings;
mod capabilities;
mod code_cache;
mod cpu_budget;
mod error;
mod evaluation;
mod host;
mod invocation;
mod limits;
mod outgoing_http;
mod output;
mod runtime;
mod sandbox;
mod shared_engine;

pub use capabilities::{
    Capabilities, EmitOptions, Entry, HostError, HostFuture, Item, LogLevel, LogRecord,
    NoCapabilities, OutgoingRequest, UpdateOp,
};
pub use code_cache::Wasm;
pub use error::{CallError, LoadError};
pub use evaluation::{Evaluated, SeenDirectory, Snapshot, StoppedClock};
pub use invocation::{
    AuthRequest, Event, Failure, Invocation, Part, Request, RequestBody, Response, ResponseBody,
    StateChange, StreamAction, StreamChange, SubscriptionRequest, Trigger,
};
pub use limits::Limits;
pub use outgoing_http::{HostPattern, HostPatternError, OutgoingHttp};
pub use runtime::Compiler;
pub use sandbox::{Grants, IncludedFiles, Sandbox, SandboxOptions, StepComponent};
pub use shared_engine::{CoreModules, EngineParts, SharedEngine};
