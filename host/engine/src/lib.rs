//! From triggers to invocations: deployments, routing of events, deliveries with retries, cron.
//!
//! An HTTP request, an event, a cron tick and a change of state all become one [`motia_sandbox::Invocation`] and
//! take one path through `invoke.rs`. This crate knows no HTTP frames and no SQL. Start with [`Engine`].

#![deny(missing_docs)]

mod access;
mod admin;
mod backoff;
mod browse;
mod capabilities;
mod cron;
mod deliveries;
mod deployment;
mod edits;
mod engine;
mod figures;
mod flows;
mod hooks;
mod idempotency;
mod input;
mod invoke;
mod live;
mod observe;
mod policy;
mod reactions;
mod running;
mod scheduler;
mod schema;
mod spans;
mod trace_id;
mod traceparent;
mod transaction;
mod upkeep;

#[cfg(test)]
mod simulation;

pub use access::{AuthContext, Joined, StreamAuthRequest};
pub use admin::{CronStatus, DeliveryStatus, QueueStatus, REDRIVES_PER_SECOND, Replayed};
pub use deployment::{DeployError, DeployedStep, Deployment, DeploymentOptions, StepIndex};
pub use engine::{Answered, CallError, EmitAnswer, EmitRequest, Engine, EngineOptions};
pub use figures::{HostFigures, ProcessFigures, StepFigures};
pub use flows::{Edge, EdgeKind, Flow};
pub use idempotency::IdempotencyKey;
pub use live::{Join, LiveClient, LiveEnd, LiveFigures, LiveFrame, LiveFrames};
pub use policy::{Pause, QueueOverrides, RateOverride};
pub use running::RunningInfo;
pub use schema::{Schema, SchemaFault};
pub use traceparent::{TraceParent, w3c_trace_id};
