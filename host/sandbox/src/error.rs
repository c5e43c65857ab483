//! What can go wrong, by phase: loading a component, and calling it.

use std::time::Duration;

use crate::Failure;

/// Why a component cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The bytes are not a component, or one that needs what this host does not have.
    #[error("{name}: not a component that this host can run: {cause}")]
    Compile {
        /// What was to be loaded.
        name: String,
        /// Why, from the compiler.
        cause: String,
    },
    /// The component does not fit the world.
    #[error("{name}: does not implement the world `motia:step/step`: {cause}")]
    World {
        /// What was to be loaded.
        name: String,
        /// The import or export that does not fit.
        cause: String,
    },
    /// The runtime itself could not start.
    #[error("cannot start the WebAssembly runtime: {0}")]
    Runtime(String),
}

/// Why a call did not end as its handler wanted.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The handler failed and said why.
    #[error("{}: {}", .0.name, .0.message)]
    Guest(Failure),
    /// The handler's answer makes no sense.
    #[error("the handler's response is not valid: {0}")]
    InvalidResponse(String),
    /// The response's body is over the limit.
    #[error("the response has {bytes} bytes; the limit `response_bytes` is {limit}")]
    ResponseTooLarge {
        /// Its size.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// The call took too long.
    #[error("the handler did not end within {} s (limit `wall_clock`)", .0.as_secs_f64())]
    Timeout(Duration),
    /// The guest computed for too long.
    #[error("the handler used more than {} s of CPU (limit `cpu`)", .0.as_secs_f64())]
    Cpu(Duration),
    /// The guest wanted more memory than it may have.
    #[error("the handler used more than {0} bytes of memory (limit `memory`)")]
    Memory(usize),
    /// The guest hit another limit.
    #[error("the handler hit the limit `{0}`")]
    Limit(&'static str),
    /// The handler awaits what can never come.
    #[error("the handler awaits a promise that nothing can settle")]
    Stalled,
    /// The guest trapped.
    #[error("the handler trapped: {0}")]
    Trap(String),
    /// The instance could not be made: the component is broken.
    #[error("no instance could be made: {0}")]
    Instantiate(String),
    /// All instances that there may be at a time are in use.
    #[error("all instances that the host may have at a time are in use")]
    NoInstance,
}

impl CallError {
    /// A stable code for clients, logs and dead letters.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Guest(failure) if failure.name == "InvalidResponse" => "invalid_response",
            Self::Guest(_) => "handler_failed",
            Self::InvalidResponse(_) => "invalid_response",
            Self::ResponseTooLarge { .. } => "response_too_large",
            Self::Timeout(_) => "handler_timeout",
            Self::Cpu(_) => "cpu_limit",
            Self::Memory(_) => "memory_limit",
            Self::Limit(_) => "limit",
            Self::Stalled => "handler_stalled",
            Self::Trap(_) => "guest_trapped",
            Self::Instantiate(_) => "instantiation_failed",
            Self::NoInstance => "overloaded",
        }
    }

    /// Whether another attempt may end differently.
    pub fn retryable(&self) -> bool {
        match self {
            Self::Guest(failure) => failure.retryable,
            _ => true,
        }
    }
}
