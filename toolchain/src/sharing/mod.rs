//! Taking a component apart into what steps share and what is a step's own.
//!
//! A step that was evaluated in an engine differs from the next one only in its linear memory. So a
//! step's artifact is an [`Image`], a core module that defines a memory with that content and
//! nothing else, and the engine's component imports it:
//!
//! - a *template* is an ordinary component whose memory is empty; filled with an image it is an
//!   ordinary component again, which any host runs ([`fill`]);
//! - its *shared form* imports the memory as the core module `image` ([`share`]), so that its native
//!   code serves all steps.

mod component;
mod core_module;
mod image;

pub use component::{MainModule, fill, share, with_snapshot, without_memory};
pub use core_module::{GLOBAL, shared_module, without_exports};
pub use image::Image;

/// Why something cannot be taken apart.
#[derive(Debug)]
pub struct Error(String);

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<&str> for Error {
    fn from(what: &str) -> Self {
        Self(what.to_owned())
    }
}

impl From<wasmparser::Error> for Error {
    fn from(error: wasmparser::Error) -> Self {
        Self(error.to_string())
    }
}

impl<E: std::fmt::Display> From<wasm_encoder::reencode::Error<E>> for Error {
    fn from(error: wasm_encoder::reencode::Error<E>) -> Self {
        Self(error.to_string())
    }
}
