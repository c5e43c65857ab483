//! The generic cell rate algorithm: how many may come in how much time.
//!
//! One number is enough for each key, the theoretical arrival time of ITU-T I.371: the time at which
//! everything that came so far would be paid off.

use crate::{Millis, Rate};

/// Microseconds since 1970-01-01 UTC: a thousand events a second are too many for milliseconds.
pub(crate) type Arrival = i64;

impl Rate {
    /// When the next one may come, and the theoretical arrival time after it; `arrival` is the one before, if there
    /// is one. It is counted only if the caller keeps the second.
    pub(crate) fn next(self, arrival: Option<Arrival>, now: Millis) -> (Millis, Arrival) {
        let now = now * 1000;
        let interval = (self.period_ms * 1000 / i64::from(self.limit.max(1))).max(1);
        let tolerance = interval * (i64::from(self.burst.max(1)) - 1);
        let arrival = arrival.unwrap_or(now).max(now);
        let time = (arrival - tolerance).max(now);
        ((time + 999).div_euclid(1000), arrival + interval)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_comes_at_once_and_the_rest_evenly() {
        let rate = Rate { limit: 10, period_ms: 1000, burst: 3 };
        let mut arrival = None;
        let mut times = Vec::new();
        for _ in 0..6 {
            let (time, next) = rate.next(arrival, 5000);
            times.push(time - 5000);
            arrival = Some(next);
        }
        assert_eq!(times, [0, 0, 0, 100, 200, 300]);
        assert_eq!(rate.next(arrival, 60_000).0, 60_000);
    }
}
