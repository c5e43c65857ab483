//! From a project's source files to a bundle.
//!
//! Discovers steps and streams, compiles each to a component, reads its config in the sandbox, checks
//! the project as a whole and writes the bundle. Start with [`Toolchain`], then [`Toolchain::build`].

#![deny(missing_docs)]

mod build;
mod cache;
mod command;
mod discover;
mod doctor;
mod engine;
mod error;
mod javascript;
pub mod openapi;
mod progress;
mod project;
mod project_config;
mod python;
mod record;
mod rust;
pub mod scaffold;
mod sharing;
mod source;
pub mod types;

pub use build::{Broken, BuildOptions, BuildReport, Form, StepReport, Toolchain};
pub use cache::cache_directory;
pub use discover::{Discovery, discover};
pub use doctor::{Finding, State};
pub use error::{BuildError, BuildErrors, Position};
pub use progress::{Progress, Silent};
pub use source::{Role, Source};
