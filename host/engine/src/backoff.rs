//! How long a failed delivery waits, and when it is given up.

use std::time::Duration;

use motia_manifest::QueueConfig;

/// Attempts without `infrastructure.queue.maxRetries`.
const ATTEMPTS: u32 = 8;
/// The wait after the first attempt.
const FIRST: Duration = Duration::from_secs(1);
/// The longest wait.
const LONGEST: Duration = Duration::from_secs(3600);
/// The share of a wait that is random, so that what failed together does not return together.
const JITTER: f64 = 0.2;

/// How many times a delivery is attempted in all.
pub fn max_attempts(queue: &QueueConfig) -> u32 {
    queue.max_retries.map_or(ATTEMPTS, |retries| retries.saturating_add(1))
}

/// The wait after attempt number `attempt`; `random` is from 0 to 1.
pub fn wait_after(attempt: u32, random: f64) -> Duration {
    let doublings = attempt.saturating_sub(1).min(20);
    let wait = FIRST.saturating_mul(1 << doublings).min(LONGEST);
    wait.mul_f64(1.0 - JITTER / 2.0 + JITTER * random)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_an_hour() {
        assert_eq!(wait_after(1, 0.5), Duration::from_secs(1));
        assert_eq!(wait_after(4, 0.5), Duration::from_secs(8));
        assert_eq!(wait_after(100, 0.5), Duration::from_secs(3600));
        assert_eq!(wait_after(1, 0.0), Duration::from_millis(900));
        assert_eq!(wait_after(1, 1.0), Duration::from_millis(1100));
    }
}
