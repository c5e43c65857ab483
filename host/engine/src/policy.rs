//! What a step's queue does with its deliveries: its `infrastructure.queue`, and what an operator changed of it.

use std::time::Duration;

use motia_manifest::{
    BackoffConfig, CronConfig, DataPath, OnFailure, Overlap, Priority, QueueConfig, QueueType,
    StepConfig, StepKind, StepName, TenantId,
};
use motia_sandbox::Limits;
use motia_store::{
    AttemptError, Batch, BatchClaim, ClaimRequest, Debounce, Delivery, End, Lane, LaneOrder,
    Millis, NewDelivery, Rate, RateLimit,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{backoff, invoke::Failed};

/// Attempts without `infrastructure.queue.maxRetries`.
const ATTEMPTS: u32 = 8;

/// How long a lease lasts beyond the time that a call may take.
const LEASE_MARGIN: Duration = Duration::from_secs(30);

/// From the lowest to the highest priority.
const PRIORITIES: std::ops::RangeInclusive<i32> = -100..=100;

/// What an operator changed of a queue at run time; what is none is as the step's config says.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct QueueOverrides {
    /// Nothing is attempted while there is this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused: Option<Pause>,
    /// Attempts at the same time, from 1 to 10,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<u32>,
    /// Attempts after the first, up to 1,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_retries: Option<u32>,
    /// The limit of `keyConcurrency`, from 1 to 1,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_concurrency: Option<u32>,
    /// The limit of `throttle`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub throttle: Option<RateOverride>,
    /// The limit of `rateLimit`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_limit: Option<RateOverride>,
    /// The size of `batch`, from 1 to 1,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch_size: Option<u32>,
}

/// Why and since when a queue is paused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Pause {
    /// For people.
    pub reason: String,
    /// Since when.
    pub since: Millis,
    /// The artifact that cannot be instantiated; another version of the step goes on by itself. None if a person
    /// paused it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub poison: Option<String>,
}

/// So many in so much time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RateOverride {
    /// How many, at least 1.
    pub limit: u32,
    /// In how many seconds.
    pub period_seconds: f64,
    /// How many may come at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub burst: Option<u32>,
}

impl QueueOverrides {
    /// What is wrong with the values.
    pub fn check(&self) -> Result<(), String> {
        let range = |name: &str, value: Option<u32>, low: u32, high: u32| match value {
            Some(value) if !(low..=high).contains(&value) => {
                Err(format!("`{name}` is {value}; expected {low} to {high}"))
            }
            _ => Ok(()),
        };
        range("concurrency", self.concurrency, 1, 10_000)?;
        range("maxRetries", self.max_retries, 0, 1_000)?;
        range("keyConcurrency", self.key_concurrency, 1, 1_000)?;
        range("batchSize", self.batch_size, 1, 1_000)?;
        for (name, rate) in [("throttle", &self.throttle), ("rateLimit", &self.rate_limit)] {
            let Some(rate) = rate else { continue };
            range(&format!("{name}.limit"), Some(rate.limit), 1, 1_000_000)?;
            range(&format!("{name}.burst"), rate.burst, 1, 1_000_000)?;
            if !(rate.period_seconds > 0.0 && rate.period_seconds <= 86_400.0 * 366.0) {
                let period = rate.period_seconds;
                return Err(format!("`{name}.periodSeconds` is {period}; expected up to a year"));
            }
        }
        Ok(())
    }
}

/// How a step's queue works, with everything resolved.
#[derive(Debug, Clone)]
pub struct QueuePolicy {
    /// Attempts at the same time.
    pub concurrency: usize,
    /// Whether and why nothing is attempted.
    pub paused: Option<Pause>,
    /// Attempts in all.
    pub max_attempts: u32,
    fifo: bool,
    block: bool,
    /// A failed one is not tried again and leaves no dead letter.
    forget_failures: bool,
    delay_ms: Millis,
    lease: Duration,
    wall_clock: Duration,
    backoff: BackoffConfig,
    key_concurrency: Option<(DataPath, u32)>,
    priority: PriorityOf,
    rate_limit: Option<(Option<DataPath>, Rate)>,
    throttle: Option<(Option<DataPath>, Rate)>,
    debounce: Option<(Option<DataPath>, Millis, Option<Millis>)>,
    batch: Option<(Option<DataPath>, u32, Millis)>,
    start_timeout_ms: Option<Millis>,
    finish_timeout_ms: Option<Millis>,
}

#[derive(Debug, Clone)]
enum PriorityOf {
    Fixed(i32),
    At(DataPath),
}

/// What an emitter says about the delivery of an event.
#[derive(Debug, Clone, Default)]
pub struct Wishes {
    /// When to deliver it.
    pub at: Option<Millis>,
    /// The higher ones go first.
    pub priority: Option<i32>,
    /// The key within which events are in order.
    pub message_group_id: Option<String>,
}

/// What follows a failed attempt.
#[derive(Debug, Clone, PartialEq)]
pub enum AfterFailure {
    /// It is due again after a wait.
    Retry(Duration),
    /// It becomes a dead letter; the code may be another one than the attempt's.
    Bury(Option<&'static str>),
    /// It is forgotten.
    Forget,
}

impl QueuePolicy {
    /// The policy of a step; none if the step has no queue.
    ///
    /// # Errors
    /// When a path in the config cannot be read, which the build has checked.
    pub fn of(
        config: &StepConfig,
        limits: &Limits,
        default_concurrency: usize,
    ) -> Result<Option<Self>, String> {
        let queue = match &config.kind {
            StepKind::Cron(cron) => {
                return Self::of_cron(cron, limits, default_concurrency).map(Some);
            }
            kind => match kind.infrastructure() {
                Some(infrastructure) => &infrastructure.queue,
                None => return Ok(None),
            },
        };
        Self::of_queue(queue, limits, default_concurrency).map(Some)
    }

    /// A tick that fails is not tried again: the next one comes by itself.
    fn of_cron(
        cron: &CronConfig,
        limits: &Limits,
        default_concurrency: usize,
    ) -> Result<Self, String> {
        let policy = Self::of_queue(&QueueConfig::default(), limits, default_concurrency)?;
        let one = matches!(cron.overlap, Overlap::Queue);
        let concurrency = if one { 1 } else { default_concurrency };
        Ok(Self { concurrency, max_attempts: 1, forget_failures: true, ..policy })
    }

    fn of_queue(
        queue: &QueueConfig,
        limits: &Limits,
        default_concurrency: usize,
    ) -> Result<Self, String> {
        let path = |key: &Option<String>| key.as_deref().map(DataPath::parse).transpose();
        let visibility = queue
            .visibility_timeout
            .map_or(limits.wall_clock, |seconds| Duration::from_secs(seconds.into()));
        Ok(Self {
            concurrency: queue.concurrency.map_or(default_concurrency, |own| own as usize),
            paused: None,
            max_attempts: queue.max_retries.map_or(ATTEMPTS, |retries| retries.saturating_add(1)),
            fifo: queue.r#type == QueueType::Fifo,
            block: queue.on_failure == OnFailure::Block,
            forget_failures: false,
            delay_ms: Millis::from(queue.delay_seconds.unwrap_or(0)) * 1000,
            lease: visibility.max(limits.wall_clock) + LEASE_MARGIN,
            wall_clock: limits.wall_clock,
            backoff: queue.backoff.clone(),
            key_concurrency: match &queue.key_concurrency {
                Some(own) => Some((DataPath::parse(&own.key)?, own.limit)),
                None => None,
            },
            priority: match &queue.priority {
                None => PriorityOf::Fixed(0),
                Some(Priority::Fixed(priority)) => PriorityOf::Fixed(*priority),
                Some(Priority::ByKey { key }) => PriorityOf::At(DataPath::parse(key)?),
            },
            rate_limit: match &queue.rate_limit {
                Some(own) => {
                    Some((path(&own.key)?, rate(own.limit, own.period_seconds, own.limit)))
                }
                None => None,
            },
            throttle: match &queue.throttle {
                Some(own) => {
                    Some((path(&own.key)?, rate(own.limit, own.period_seconds, own.burst)))
                }
                None => None,
            },
            debounce: match &queue.debounce {
                Some(own) => Some((
                    path(&own.key)?,
                    millis(own.period_seconds),
                    own.max_wait_seconds.map(millis),
                )),
                None => None,
            },
            batch: match &queue.batch {
                Some(own) => Some((path(&own.key)?, own.size, millis(own.timeout_seconds))),
                None => None,
            },
            start_timeout_ms: queue.start_timeout.map(millis),
            finish_timeout_ms: queue.finish_timeout.map(millis),
        })
    }

    /// The policy with what an operator changed.
    pub fn with(mut self, overrides: &QueueOverrides) -> Self {
        self.paused = overrides.paused.clone();
        if let Some(concurrency) = overrides.concurrency {
            self.concurrency = concurrency as usize;
        }
        if let Some(retries) = overrides.max_retries {
            self.max_attempts = retries.saturating_add(1);
        }
        if let (Some(own), Some(limit)) = (&mut self.key_concurrency, overrides.key_concurrency) {
            own.1 = limit;
        }
        if let (Some(own), Some(over)) = (&mut self.throttle, &overrides.throttle) {
            own.1 = rate(over.limit, over.period_seconds, over.burst.unwrap_or(1));
        }
        if let (Some(own), Some(over)) = (&mut self.rate_limit, &overrides.rate_limit) {
            own.1 = rate(over.limit, over.period_seconds, over.burst.unwrap_or(over.limit));
        }
        if let (Some(own), Some(size)) = (&mut self.batch, overrides.batch_size) {
            own.1 = size;
        }
        self
    }

    /// What an operator may not change because the step's config does not have it.
    pub fn refuses(&self, overrides: &QueueOverrides) -> Option<&'static str> {
        [
            (
                "keyConcurrency",
                overrides.key_concurrency.is_some() && self.key_concurrency.is_none(),
            ),
            ("throttle", overrides.throttle.is_some() && self.throttle.is_none()),
            ("rateLimit", overrides.rate_limit.is_some() && self.rate_limit.is_none()),
            ("batchSize", overrides.batch_size.is_some() && self.batch.is_none()),
        ]
        .into_iter()
        .find_map(|(name, refused)| refused.then_some(name))
    }

    /// Whether the step is given several events at a time.
    pub fn takes_batches(&self) -> bool {
        self.batch.is_some()
    }

    /// The delivery of an event to the step. `data` is parsed only if a key needs it.
    pub fn delivery(
        &self,
        step: StepName,
        wishes: &Wishes,
        data: &dyn Fn() -> Value,
        now: Millis,
    ) -> NewDelivery {
        let key = |path: &Option<DataPath>| match path {
            Some(path) => path.text_of(&data()),
            None => String::new(),
        };
        let priority = wishes.priority.unwrap_or_else(|| match &self.priority {
            PriorityOf::Fixed(priority) => *priority,
            PriorityOf::At(path) => priority_of(&path.text_of(&data())),
        });
        let lane = match (&self.key_concurrency, &wishes.message_group_id) {
            (_, Some(group)) if self.fifo => {
                Some(Lane { key: group.clone(), order: LaneOrder::Fifo })
            }
            (Some((path, _)), _) => {
                Some(Lane { key: path.text_of(&data()), order: LaneOrder::Any })
            }
            _ => None,
        };
        let due_at = wishes.at.map_or(now, |at| at.max(now)) + self.delay_ms;
        NewDelivery {
            step,
            due_at,
            expires_at: self.start_timeout_ms.map(|timeout| due_at + timeout),
            priority,
            lane,
            throttle_key: self.throttle.as_ref().map(|(path, _)| key(path)),
            rate_limit: self
                .rate_limit
                .as_ref()
                .map(|(path, rate)| RateLimit { key: key(path), rate: *rate }),
            debounce: self.debounce.as_ref().map(|(path, period_ms, max_wait_ms)| Debounce {
                key: key(path),
                period_ms: *period_ms,
                max_wait_ms: *max_wait_ms,
            }),
            batch: self.batch.as_ref().map(|(path, size, timeout_ms)| Batch {
                key: key(path),
                size: *size,
                timeout_ms: *timeout_ms,
            }),
        }
    }

    /// A claim of at most so many attempts.
    pub fn claim(
        &self,
        tenant: TenantId,
        step: StepName,
        limit: usize,
        now: Millis,
    ) -> ClaimRequest {
        ClaimRequest {
            tenant,
            step,
            limit,
            now,
            lease_until: now + self.lease.as_millis() as Millis,
            lane_width: self.key_concurrency.as_ref().map_or(u32::MAX, |(_, limit)| *limit),
            throttle: self.throttle.as_ref().map(|(_, rate)| *rate),
            batch: self
                .batch
                .as_ref()
                .map(|&(_, size, timeout_ms)| BatchClaim { size, timeout_ms }),
        }
    }

    /// Until when a call of what was claimed now may begin so that it ends within the lease.
    pub fn last_start(&self, claimed_at: Millis) -> Millis {
        let rest = self.lease.saturating_sub(self.wall_clock + LEASE_MARGIN / 2);
        claimed_at + rest.as_millis() as Millis
    }

    /// Why a claimed delivery is not attempted any more.
    pub fn too_late(&self, delivery: &Delivery, now: Millis) -> Option<AttemptError> {
        let late = delivery.attempt == 1 && delivery.expires_at.is_some_and(|at| at <= now);
        late.then(|| {
            let seconds = self.start_timeout_ms.unwrap_or(0) / 1000;
            AttemptError {
                attempt: delivery.attempt,
                code: "start_timeout".to_owned(),
                message: format!("was not started within {seconds} s (queue.startTimeout)"),
                stack: None,
                failed_at: now,
            }
        })
    }

    /// What follows a failed attempt; `random` is from 0 to 1.
    pub fn after_failure(
        &self,
        failed: &Failed,
        delivery: &Delivery,
        now: Millis,
        random: f64,
    ) -> AfterFailure {
        if self.forget_failures {
            return AfterFailure::Forget;
        }
        if !failed.retryable || delivery.attempt >= self.max_attempts {
            return AfterFailure::Bury(None);
        }
        let wait = failed
            .retry_after
            .unwrap_or_else(|| backoff::wait_after(&self.backoff, delivery.attempt, random));
        let until = now.saturating_add(Millis::try_from(wait.as_millis()).unwrap_or(Millis::MAX));
        let last = self.finish_timeout_ms.map(|timeout| delivery.first_claimed_at + timeout);
        match last {
            Some(last) if until > last => AfterFailure::Bury(Some("finish_timeout")),
            _ => AfterFailure::Retry(wait),
        }
    }

    /// The end of a delivery that becomes a dead letter.
    pub fn bury(&self, error: AttemptError) -> End {
        End::Bury { error, block: self.block }
    }
}

fn rate(limit: u32, period_seconds: f64, burst: u32) -> Rate {
    Rate { limit, period_ms: millis(period_seconds).max(1), burst }
}

fn millis(seconds: f64) -> Millis {
    (seconds * 1000.0).round() as Millis
}

/// A number in the event's data; what is no number counts as 0.
fn priority_of(text: &str) -> i32 {
    let number: f64 = text.parse().unwrap_or(0.0);
    (number.round() as i32).clamp(*PRIORITIES.start(), *PRIORITIES.end())
}

#[cfg(test)]
mod tests {
    use motia_manifest::TraceId;
    use motia_store::EventKind;
    use serde_json::json;

    use super::*;

    fn policy(queue: Value) -> QueuePolicy {
        let config = json!({
            "name": "a", "type": "event", "subscribes": ["t"], "infrastructure": { "queue": queue },
        });
        let config = StepConfig::from_json(&config).unwrap();
        QueuePolicy::of(&config, &Limits::background(), 10).unwrap().unwrap()
    }

    fn delivery(attempt: u32, expires_at: Option<Millis>) -> Delivery {
        Delivery {
            id: 1,
            event_id: 1,
            lease_epoch: 1,
            tenant: TenantId::default(),
            step: StepName::from("a"),
            kind: EventKind::Event,
            topic: "t".to_owned(),
            data: "{}".to_owned(),
            headers: None,
            trace_id: TraceId::from("trace"),
            message_group_id: None,
            depth: 0,
            cause: None,
            attempt,
            expires_at,
            first_claimed_at: 1_000,
            emitted_at: 1_000,
        }
    }

    fn failed(retryable: bool, retry_after: Option<Duration>) -> Failed {
        Failed {
            code: "handler_failed",
            message: String::new(),
            stack: None,
            retryable,
            retry_after,
        }
    }

    #[test]
    fn a_delivery_that_starts_too_late_is_not_attempted() {
        let policy = policy(json!({ "startTimeout": 5, "delaySeconds": 2 }));
        let new = policy.delivery(StepName::from("a"), &Wishes::default(), &|| Value::Null, 1_000);
        assert_eq!((new.due_at, new.expires_at), (3_000, Some(8_000)));
        assert!(policy.too_late(&delivery(1, new.expires_at), 7_999).is_none());
        let late = policy.too_late(&delivery(1, new.expires_at), 8_000).unwrap();
        assert_eq!(late.code, "start_timeout");
        assert!(policy.too_late(&delivery(2, new.expires_at), 9_000).is_none(), "it has started");
    }

    #[test]
    fn a_failure_is_followed_by_what_the_queue_and_the_handler_say() {
        let queue = policy(
            json!({ "maxRetries": 2, "finishTimeout": 10, "backoff": { "type": "fixed", "jitter": 0 } }),
        );
        let after = |failed: Failed, attempt, now| {
            queue.after_failure(&failed, &delivery(attempt, None), now, 0.5)
        };
        let second = Duration::from_secs(1);
        assert_eq!(after(failed(true, None), 1, 2_000), AfterFailure::Retry(second));
        assert_eq!(
            after(failed(true, Some(second * 3)), 1, 2_000),
            AfterFailure::Retry(second * 3)
        );
        assert_eq!(after(failed(false, None), 1, 2_000), AfterFailure::Bury(None));
        assert_eq!(after(failed(true, None), 3, 2_000), AfterFailure::Bury(None));
        let late = AfterFailure::Bury(Some("finish_timeout"));
        assert_eq!(after(failed(true, None), 1, 10_500), late);
    }

    #[test]
    fn an_operator_changes_limits_that_the_config_has() {
        let policy = policy(json!({ "keyConcurrency": { "key": "a" }, "concurrency": 3 }));
        let overrides: QueueOverrides =
            serde_json::from_value(json!({ "keyConcurrency": 4, "concurrency": 7 })).unwrap();
        assert_eq!((policy.refuses(&overrides), overrides.check()), (None, Ok(())));
        let changed = policy.clone().with(&overrides);
        let claim = changed.claim(TenantId::default(), StepName::from("a"), 1, 0);
        assert_eq!((claim.lane_width, changed.concurrency), (4, 7));
        let batch = QueueOverrides { batch_size: Some(9), ..overrides };
        assert_eq!(policy.refuses(&batch), Some("batchSize"));
        let none = QueueOverrides { concurrency: Some(0), ..QueueOverrides::default() };
        assert!(none.check().unwrap_err().contains("expected 1 to 10000"));
    }
}
