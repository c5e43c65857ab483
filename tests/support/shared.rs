//! A value that tests share while they run at the same time.

use std::sync::{Arc, Mutex, PoisonError, Weak};

/// Made by the first test that needs it and dropped with the last one that has it: unlike a
/// static value, a server in here ends with its tests.
pub struct Shared<T>(Mutex<Weak<T>>);

impl<T> Shared<T> {
    pub const fn new() -> Self {
        Self(Mutex::new(Weak::new()))
    }

    /// The value, made now unless another test has it.
    pub fn get(&self, make: impl FnOnce() -> T) -> Arc<T> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(value) = known.upgrade() {
            return value;
        }
        let value = Arc::new(make());
        *known = Arc::downgrade(&value);
        value
    }
}
