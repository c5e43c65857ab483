//! What `motia doctor` finds.

use std::path::Path;

/// One thing that a build needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What it is.
    pub what: String,
    /// Whether it is there.
    pub state: State,
}

/// Whether something is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// It is; which version, or where.
    Present(String),
    /// It is not, and this is the mend.
    Missing(String),
    /// It comes by itself, and this is when.
    Later(String),
    /// It is not, but few projects need it; this is the mend.
    Optional(String),
}

impl State {
    /// It is in a directory of the release.
    pub(crate) fn carried(directory: &Path) -> Self {
        Self::Present(format!("carried by this release: {}", directory.display()))
    }
}
