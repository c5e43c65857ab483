//! The attributes of the `motia` crate, which documents and re-exports them.
//!
//! An attribute leaves the function as it is and adds a type of the same name (types and functions
//! do not collide) that implements `motia::Step`: its `config` from the attribute's keys, its
//! `handle` from the function. In a WebAssembly build that type is exported as the component.

#![deny(missing_docs)]

mod expand;
mod settings;

use proc_macro::TokenStream;
use syn::{ItemFn, parse_macro_input};

use expand::Kind;
use settings::Settings;

macro_rules! attribute {
    ($name:ident, $kind:expr, $doc:literal) => {
        #[doc = $doc]
        #[proc_macro_attribute]
        pub fn $name(attribute: TokenStream, item: TokenStream) -> TokenStream {
            let settings = parse_macro_input!(attribute as Settings);
            let function = parse_macro_input!(item as ItemFn);
            expand::function($kind, settings, function)
                .unwrap_or_else(|error| error.into_compile_error())
                .into()
        }
    };
}

attribute!(
    api,
    Kind::Api,
    "Makes the function a step that answers HTTP requests; see `motia::api`."
);
attribute!(
    event,
    Kind::Event,
    "Makes the function a step that handles events; see `motia::event`."
);
attribute!(
    cron,
    Kind::Cron,
    "Makes the function a step that runs on a schedule; see `motia::cron`."
);
attribute!(
    state_change,
    Kind::StateChange,
    "Makes the function a step that runs when a state value changes; see `motia::state_change`."
);
attribute!(
    stream_change,
    Kind::StreamChange,
    "Makes the function a step that runs when a stream item changes; see `motia::stream_change`."
);
attribute!(
    step,
    Kind::Step,
    "Makes the function a step with a config of its own; see `motia::step`."
);

/// Declares a step that is only drawn in its flows; see `motia::noop`.
#[proc_macro]
pub fn noop(input: TokenStream) -> TokenStream {
    declaration(Kind::Noop, input)
}

/// Declares a stream; see `motia::stream`.
#[proc_macro]
pub fn stream(input: TokenStream) -> TokenStream {
    declaration(Kind::Stream, input)
}

fn declaration(kind: Kind, input: TokenStream) -> TokenStream {
    let settings = parse_macro_input!(input as Settings);
    expand::declaration(kind, settings).unwrap_or_else(|error| error.into_compile_error()).into()
}
