//! Waiting for a condition with a deadline.

use std::{
    thread::sleep,
    time::{Duration, Instant},
};

/// How long to pause between looks at a condition.
const PAUSE: Duration = Duration::from_millis(20);

/// Waits until the condition holds; says what did not come true otherwise.
#[track_caller]
pub fn wait_until(deadline: Duration, what: &str, mut condition: impl FnMut() -> bool) {
    wait_for(deadline, what, || condition().then_some(()));
}

/// Waits until there is a value.
#[track_caller]
pub fn wait_for<T>(deadline: Duration, what: &str, look: impl FnMut() -> Option<T>) -> T {
    let found = look_for(deadline, look);
    found.unwrap_or_else(|| panic!("not within {deadline:?}: {what}"))
}

/// The value, if there is one in time.
pub fn look_for<T>(deadline: Duration, mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let started = Instant::now();
    loop {
        if let Some(value) = look() {
            return Some(value);
        }
        if started.elapsed() >= deadline {
            return None;
        }
        sleep(PAUSE);
    }
}
