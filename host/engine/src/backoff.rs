//! How long a failed delivery waits.

use std::time::Duration;

use motia_manifest::{BackoffConfig, BackoffType};

/// The wait after attempt number `attempt`; `random` is from 0 to 1. A share of it is random, so that what
/// failed together does not return together.
pub fn wait_after(backoff: &BackoffConfig, attempt: u32, random: f64) -> Duration {
    let steps = attempt.saturating_sub(1);
    let factor = match backoff.r#type {
        BackoffType::Fixed => 1.0,
        BackoffType::Linear => f64::from(steps) + 1.0,
        BackoffType::Exponential => 2f64.powi(i32::try_from(steps).unwrap_or(i32::MAX).min(64)),
    };
    let wait = (backoff.delay_seconds * factor).min(backoff.max_delay_seconds);
    let jitter = 1.0 - backoff.jitter / 2.0 + backoff.jitter * random;
    Duration::try_from_secs_f64(wait * jitter).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_up_to_the_longest() {
        let exponential = BackoffConfig::default();
        let waits = |backoff: &BackoffConfig, attempts: &[u32]| -> Vec<u64> {
            attempts.iter().map(|&attempt| wait_after(backoff, attempt, 0.5).as_secs()).collect()
        };
        assert_eq!(waits(&exponential, &[1, 2, 4, 100]), [1, 2, 8, 3600]);
        let linear =
            BackoffConfig { r#type: BackoffType::Linear, delay_seconds: 2.0, ..exponential };
        assert_eq!(waits(&linear, &[1, 2, 3]), [2, 4, 6]);
        let fixed = BackoffConfig { r#type: BackoffType::Fixed, ..linear };
        assert_eq!(waits(&fixed, &[1, 2, 3]), [2, 2, 2]);
        assert_eq!(wait_after(&fixed, 1, 0.0), Duration::from_millis(1800));
        assert_eq!(wait_after(&fixed, 1, 1.0), Duration::from_millis(2200));
    }
}
