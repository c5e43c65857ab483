//! What a built project is: the configuration of its steps and streams, and the bundle on disk.
//!
//! This crate only describes and validates. It compiles nothing, runs nothing and stores nothing
//! but the bundle's files. Start with [`Manifest`] for a whole bundle and with [`StepConfig`] for
//! one step.

#![deny(missing_docs)]

mod bundle;
mod compression;
mod config;
mod config_reader;
mod data_path;
mod digest;
mod names;
mod queue_config;
mod queue_reader;
mod reader;
mod route;
mod schedule;
mod source_map;

pub use bundle::{
    Artifact, Bundle, BundleError, Code, EngineFiles, Image, IncludedFile, Language, MANIFEST_FILE,
    Manifest, SCHEMA_VERSION, Step, Stream, StreamAuth, stays_inside,
};
pub use compression::{COMPRESSED, compress, decompress};
pub use config::{
    ApiConfig, Catchup, ConfigError, CronConfig, Emit, EventConfig, METHODS, Overlap,
    ProjectConfig, QueryParam, StateConfig, StepConfig, StepKind, StreamConfig, StreamHook,
    StreamRoles, StreamTriggerConfig,
};
pub use data_path::DataPath;
pub use digest::Digest;
pub use names::{StepName, TenantId, TraceId};
pub use queue_config::{
    BackoffConfig, BackoffType, BatchConfig, DebounceConfig, HandlerLimits, Infrastructure,
    KeyConcurrency, OnFailure, Priority, QueueConfig, QueueType, RateLimitConfig, ThrottleConfig,
};
pub use route::{RoutePattern, RoutePatternError, Segment};
pub use schedule::{Schedule, ScheduleError};
pub use source_map::{SourcePosition, StackMapper, TOOLCHAIN_SOURCES};
