//! `infrastructure` of a step: how its deliveries wait, and what one of its calls may use.
//!
//! Every `key` is the text of a [`crate::DataPath`] into an event's data. Seconds are fractions where
//! they are `f64`.

use serde::{Deserialize, Serialize};

use crate::config::is_default;

/// `infrastructure` of an event, state or stream step.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Infrastructure {
    /// Limits of one call.
    #[serde(default)]
    pub handler: HandlerLimits,
    /// How deliveries wait for it.
    #[serde(default)]
    pub queue: QueueConfig,
}

/// `infrastructure.handler` of a step.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HandlerLimits {
    /// Megabytes of memory, 128 to 10,240.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ram: Option<u32>,
    /// Share of a CPU; accepted for compatibility, without effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu: Option<f64>,
    /// Seconds a call may take, 1 to 900.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<u32>,
}

/// `infrastructure.queue` of a step; what is none has the host's default.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct QueueConfig {
    /// The order of deliveries.
    #[serde(default)]
    pub r#type: QueueType,
    /// What a dead letter does to those behind it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub on_failure: OnFailure,
    /// Attempts after the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_retries: Option<u32>,
    /// Seconds after which an attempt that has not ended counts as lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub visibility_timeout: Option<u32>,
    /// Seconds between emit and first attempt, 0 to 900.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delay_seconds: Option<u32>,
    /// Deliveries of this step at the same time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<u32>,
    /// How long a failed delivery waits for its next attempt.
    #[serde(default, skip_serializing_if = "is_default")]
    pub backoff: BackoffConfig,
    /// Deliveries with the same key at the same time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_concurrency: Option<KeyConcurrency>,
    /// Which deliveries go first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<Priority>,
    /// How many events are taken; those beyond are dropped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_limit: Option<RateLimitConfig>,
    /// How many first attempts there are; deliveries beyond wait.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub throttle: Option<ThrottleConfig>,
    /// Lets only the last event of a burst through.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub debounce: Option<DebounceConfig>,
    /// Gathers events into one call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<BatchConfig>,
    /// Seconds after which it is too late for the first attempt, 1 s to a year.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_timeout: Option<f64>,
    /// Seconds after which it is too late for another attempt, 1 s to a year.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finish_timeout: Option<f64>,
}

/// How an event step's queue orders its deliveries. Those of state and stream steps are always in
/// order by the key that was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum QueueType {
    /// In any order.
    #[default]
    Standard,
    /// In order within one message group.
    Fifo,
}

/// What a dead letter does to those behind it, where deliveries are in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnFailure {
    /// They go on.
    #[default]
    Skip,
    /// They wait until it is redriven or discarded.
    Block,
}

/// How long a failed delivery waits for its next attempt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct BackoffConfig {
    /// How waits grow.
    pub r#type: BackoffType,
    /// The first wait.
    pub delay_seconds: f64,
    /// The longest wait.
    pub max_delay_seconds: f64,
    /// The share of a wait that is random, 0 to 1, so that what failed together does not return
    /// together.
    pub jitter: f64,
}

impl Default for BackoffConfig {
    fn default() -> Self {
        Self {
            r#type: BackoffType::Exponential,
            delay_seconds: 1.0,
            max_delay_seconds: 3600.0,
            jitter: 0.2,
        }
    }
}

/// How waits grow from attempt to attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BackoffType {
    /// They double.
    #[default]
    Exponential,
    /// Each is longer by the first one.
    Linear,
    /// They do not.
    Fixed,
}

/// How many deliveries with the same key run at the same time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KeyConcurrency {
    /// Where the key is.
    pub key: String,
    /// How many, 1 to 1,000.
    #[serde(default = "one")]
    pub limit: u32,
}

/// Which deliveries go first: those with a higher priority, which is from -100 to 100.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Priority {
    /// The same for all.
    Fixed(i32),
    /// The number in the event's data.
    ByKey {
        /// Where it is.
        key: String,
    },
}

/// How many events are taken in how much time; those beyond are dropped.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RateLimitConfig {
    /// How many.
    pub limit: u32,
    /// In how much time.
    pub period_seconds: f64,
    /// Where the key is, if they are counted by key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

/// How many first attempts there are in how much time; deliveries beyond wait.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ThrottleConfig {
    /// How many.
    pub limit: u32,
    /// In how much time.
    pub period_seconds: f64,
    /// How many may come at once.
    #[serde(default = "one")]
    pub burst: u32,
    /// Where the key is, if they are counted by key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

/// Lets only the last event of a burst through.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DebounceConfig {
    /// How long it must be quiet.
    pub period_seconds: f64,
    /// The longest that a burst is held back; without end if none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_wait_seconds: Option<f64>,
    /// Where the key is, if each has bursts of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

/// Gathers events into one call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BatchConfig {
    /// So many are enough, 2 to 1,000.
    pub size: u32,
    /// How long the first one waits for others, 0 to 900.
    #[serde(default = "one_second")]
    pub timeout_seconds: f64,
    /// Where the key is, if only events with the same one go together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

pub(crate) fn one() -> u32 {
    1
}

pub(crate) fn one_second() -> f64 {
    1.0
}
