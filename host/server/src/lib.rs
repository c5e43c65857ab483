//! Serves the api steps of a deployment over HTTP.
//!
//! This crate turns HTTP into [`motia_sandbox::Request`]s and [`motia_sandbox::Response`]s into
//! HTTP: connections, routes, queries, bodies, schemas, CORS and errors. It runs nothing itself;
//! the [`motia_engine::Engine`] does. Start with [`Server`].
//!
//! A request takes one path, in `handle.rs`: the router finds the step, the body is read within
//! its limits and checked against the step's schema, the engine calls the step, and the answer
//! is written. Every failure on the way is an answer in JSON with a stable `code`.
//!
//! Who follows streams is served in `streams`. What operators ask and change is in `api`, what
//! `motia dev` adds for browsers is in `dev`.

#![deny(missing_docs)]

mod api;
mod body;
mod calls;
mod dev;
mod emit;
mod error;
pub mod export;
mod handle;
mod idempotency;
mod local;
mod media_type;
mod patience;
mod query;
mod respond;
mod router;
mod server;
mod streams;
mod time;
mod workbench;

pub use api::{ApiAccess, ApiToken};
pub use dev::{BuildFault, BuildStatus};
pub use export::{ExportOptions, Exporter};
pub use server::{BindError, Server, ServerOptions};
