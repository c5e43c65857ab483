//! From triggers to invocations: deployments, routing of events, deliveries with retries, cron.
//!
//! An HTTP request, an event and a cron tick all become one [`motia_sandbox::Invocation`] and take
//! one path through `invoke.rs`. This crate knows no HTTP frames and no SQL. Start with [`Engine`].

#![deny(missing_docs)]

mod backoff;
mod capabilities;
mod cron;
mod deliveries;
mod deployment;
mod engine;
mod invoke;
mod schema;
mod trace_id;

pub use deployment::{DeployError, DeployedStep, Deployment, DeploymentOptions, StepIndex};
pub use engine::{CallError, Engine, EngineOptions};
pub use schema::{Schema, SchemaFault};
