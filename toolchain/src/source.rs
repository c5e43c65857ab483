//! A source file of a project.

use std::{path::PathBuf, sync::Arc};

use motia_manifest::Language;

use crate::{engine::EngineOnDisk, sharing::Image};

/// What a source file is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// It has a `config` and a `handler`.
    Step,
    /// It has the `config` of a stream.
    Stream,
    /// It is the project's own config.
    Project,
}

impl Role {
    /// The word that glue and messages use.
    pub fn name(self) -> &'static str {
        match self {
            Self::Step => "step",
            Self::Stream => "stream",
            Self::Project => "project",
        }
    }
}

/// A source file of a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Relative to the project, with `/` between parts.
    pub file: String,
    /// Absolute.
    pub path: PathBuf,
    /// The language that its name says.
    pub language: Language,
    /// What it is for.
    pub role: Role,
}

/// What runs a step.
pub enum CompiledCode {
    /// A component of its own.
    Component(Vec<u8>),
    /// An engine with this memory.
    Image(Arc<EngineOnDisk>, Image),
}

/// What a language's toolchain makes of a source file.
pub struct Compiled {
    /// What runs it.
    pub code: CompiledCode,
    /// A source map (version 3) for its stack traces.
    pub source_map: Option<Vec<u8>>,
    /// The config, where the toolchain could read it on the way.
    pub config: Option<serde_json::Value>,
    /// All files that went into it, absolute. A change of any makes it stale.
    pub inputs: Vec<PathBuf>,
}
