//! What long work says while it goes on.

/// Hears what is being done.
pub trait Progress: Send + Sync {
    /// Something that takes seconds begins, for example the one-time set-up of a language.
    fn begin(&self, what: &str);

    /// A source file is done: `done` of `all`.
    fn file(&self, file: &str, done: usize, all: usize);
}

/// Hears nothing.
pub struct Silent;

impl Progress for Silent {
    fn begin(&self, _: &str) {}
    fn file(&self, _: &str, _: usize, _: usize) {}
}
