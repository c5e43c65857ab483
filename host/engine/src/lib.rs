//! From triggers to invocations: deployments, routing of events, deliveries with retries, cron.
//!
//! An HTTP request, an event, a cron tick and a change of state all become one [`motia_sandbox::Invocation`] and
//! take one path through `invoke.rs`. This crate knows no HTTP frames and no SQL. Start with [`Engine`].

#![deny(missing_docs)]

mod admin;
mod backoff;
mod capabilities;
mod cron;
mod deliveries;
mod deployment;
mod engine;
mod idempotency;
mod input;
mod invoke;
mod policy;
mod reactions;
mod running;
mod scheduler;
mod schema;
mod trace_id;
mod transaction;
mod upkeep;

#[cfg(test)]
mod simulation;

pub use admin::{CronStatus, DeliveryStatus, QueueStatus, REDRIVES_PER_SECOND, Replayed};
pub use deployment::{DeployError, DeployedStep, Deployment, DeploymentOptions, StepIndex};
pub use engine::{Answered, CallError, EmitAnswer, EmitRequest, Engine, EngineOptions};
pub use idempotency::IdempotencyKey;
pub use policy::{Pause, QueueOverrides, RateOverride};
pub use running::RunningInfo;
pub use schema::{Schema, SchemaFault};
