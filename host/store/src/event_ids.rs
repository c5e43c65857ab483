//! Ids of events: they are given before the event is stored, so that a step knows the id of what it emits
//! even if it takes effect later.

use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::{SystemTime, UNIX_EPOCH},
};

/// How many ids a millisecond has.
const PER_MILLISECOND: i64 = 1 << 20;

/// Gives ids that only grow, also over restarts: they begin with the time.
#[derive(Debug, Default)]
pub struct EventIds(AtomicI64);

impl EventIds {
    /// Ids that are larger than one that was given before, whatever the clock says.
    pub fn after(last: i64) -> Self {
        Self(AtomicI64::new(last))
    }

    /// An id that was never given before.
    pub fn next(&self) -> i64 {
        self.block(1)
    }

    /// The first of so many ids that were never given before.
    pub fn block(&self, count: i64) -> i64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = i64::try_from(since.as_millis()).unwrap_or(i64::MAX / PER_MILLISECOND);
        let first = |last: i64| (last + 1).max(now * PER_MILLISECOND);
        let take = |last| Some(first(last) + count - 1);
        match self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take) {
            Ok(last) | Err(last) => first(last),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_only_grow() {
        let ids = EventIds::default();
        let mut last = ids.block(1000) + 999;
        for _ in 0..10_000 {
            let id = ids.next();
            assert!(id > last);
            last = id;
        }
    }

    #[test]
    fn a_clock_that_was_set_back_gives_no_id_twice() {
        let ahead = EventIds::default().next() + 1_000_000 * PER_MILLISECOND;
        let ids = EventIds::after(ahead);
        assert_eq!((ids.next(), ids.next()), (ahead + 1, ahead + 2));
    }
}
