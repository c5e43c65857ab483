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
//! What `motia dev` adds for browsers is in `dev`.

#![deny(missing_docs)]

mod body;
mod dev;
mod error;
mod handle;
mod media_type;
mod query;
mod respond;
mod router;
mod server;

pub use dev::{BuildFault, BuildStatus};
pub use server::{BindError, Server, ServerOptions};
