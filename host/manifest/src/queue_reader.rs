//! Reads `infrastructure`, and says what in it is wrong or does not go together.

use std::ops::RangeInclusive;

use serde_json::Value;

use crate::{
    BackoffConfig, BackoffType, BatchConfig, DebounceConfig, HandlerLimits, Infrastructure,
    KeyConcurrency, OnFailure, Priority, QueueConfig, QueueType, RateLimitConfig, ThrottleConfig,
    queue_config::{one, one_second},
    reader::Reader,
};

/// From the shortest time that a host can tell from none to a day.
const SECONDS: RangeInclusive<f64> = 0.001..=86_400.0;
/// From a second to a year.
const TIMEOUT: RangeInclusive<f64> = 1.0..=31_536_000.0;
/// The most that is counted in a period.
const MOST: u32 = 1_000_000;

/// What a step's queue holds.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Content {
    /// Events that were emitted.
    Events,
    /// Changes of state or of a stream, each in a lane of its key. Their data is written by the store,
    /// so nothing can depend on what is in it.
    Changes,
}

/// The field `infrastructure` of a step.
pub(crate) fn infrastructure(config: &mut Reader, content: Content) -> Infrastructure {
    let infrastructure = config.object("infrastructure", |read| {
        let handler = read.object("handler", handler).unwrap_or_default();
        let queue = read.object("queue", |read| queue(read, content)).unwrap_or_default();
        if let (Some(visibility), Some(timeout)) = (queue.visibility_timeout, handler.timeout)
            && visibility <= timeout
        {
            let message = format!("{visibility} s must be more than handler.timeout ({timeout} s)");
            read.error("queue.visibilityTimeout", message);
        }
        Infrastructure { handler, queue }
    });
    infrastructure.unwrap_or_default()
}

fn handler(read: &mut Reader) -> HandlerLimits {
    HandlerLimits {
        ram: read.count("ram", 128..=10_240),
        cpu: read.number("cpu", 0.0..=1000.0),
        timeout: read.count("timeout", 1..=900),
    }
}

fn queue(read: &mut Reader, content: Content) -> QueueConfig {
    refuse_conflicts(read, content);
    let types = [("standard", QueueType::Standard), ("fifo", QueueType::Fifo)];
    let on_failure = [("skip", OnFailure::Skip), ("block", OnFailure::Block)];
    QueueConfig {
        r#type: read.choice("type", &types).unwrap_or_default(),
        on_failure: read.choice("onFailure", &on_failure).unwrap_or_default(),
        max_retries: read.count("maxRetries", 0..=1_000),
        visibility_timeout: read.count("visibilityTimeout", 0..=u32::MAX),
        delay_seconds: read.count("delaySeconds", 0..=900),
        concurrency: read.count("concurrency", 1..=10_000),
        backoff: read.object("backoff", backoff).unwrap_or_default(),
        key_concurrency: read.object("keyConcurrency", |read| KeyConcurrency {
            key: read.required_data_path("key"),
            limit: read.count("limit", 1..=1_000).unwrap_or(one()),
        }),
        priority: priority(read),
        rate_limit: read.object("rateLimit", |read| RateLimitConfig {
            limit: read.required_count("limit", 1..=MOST),
            period_seconds: read.required_number("periodSeconds", SECONDS),
            key: read.data_path("key"),
        }),
        throttle: read.object("throttle", |read| ThrottleConfig {
            limit: read.required_count("limit", 1..=MOST),
            period_seconds: read.required_number("periodSeconds", SECONDS),
            burst: read.count("burst", 1..=MOST).unwrap_or(one()),
            key: read.data_path("key"),
        }),
        debounce: read.object("debounce", debounce),
        batch: read.object("batch", |read| BatchConfig {
            size: read.required_count("size", 2..=1_000),
            timeout_seconds: read.number("timeoutSeconds", 0.0..=900.0).unwrap_or(one_second()),
            key: read.data_path("key"),
        }),
        start_timeout: read.number("startTimeout", TIMEOUT),
        finish_timeout: read.number("finishTimeout", TIMEOUT),
    }
}

/// Says what of a queue is given that does not go with something else.
fn refuse_conflicts(read: &mut Reader, content: Content) {
    for (field, other) in
        [("batch", "keyConcurrency"), ("batch", "debounce"), ("batch", "throttle")]
    {
        if read.get(field).is_some() && read.get(other).is_some() {
            read.error(field, format!("does not go with `{other}`; take one of the two out"));
        }
    }
    let order = match content {
        Content::Changes => Some("the changes of a key are always handled in order"),
        Content::Events if read.get("type").and_then(Value::as_str) == Some("fifo") => {
            Some("it does not go with `type` `fifo`")
        }
        Content::Events => None,
    };
    match order {
        Some(order) => {
            for field in ["keyConcurrency", "debounce", "batch"] {
                if read.get(field).is_some() {
                    read.error(field, format!("must be left out: {order}"));
                }
            }
        }
        None if read.get("onFailure").is_some() => {
            read.error("onFailure", "only a queue whose `type` is `fifo` has it");
        }
        None => {}
    }
    if content == Content::Changes {
        for field in ["priority", "rateLimit", "throttle"] {
            let key = read.get(field).and_then(|value| value.get("key"));
            if key.is_some_and(|key| !key.is_null()) {
                read.error(&format!("{field}.key"), "only event steps have it");
            }
        }
    }
}

fn backoff(read: &mut Reader) -> BackoffConfig {
    let types = [
        ("exponential", BackoffType::Exponential),
        ("linear", BackoffType::Linear),
        ("fixed", BackoffType::Fixed),
    ];
    let usual = BackoffConfig::default();
    let r#type = read.choice("type", &types).unwrap_or_default();
    let delay = read.number("delaySeconds", SECONDS).unwrap_or(usual.delay_seconds);
    let longest = not_less(read, "maxDelaySeconds", "delaySeconds", delay);
    BackoffConfig {
        r#type,
        delay_seconds: delay,
        max_delay_seconds: longest.unwrap_or(usual.max_delay_seconds.max(delay)),
        jitter: read.number("jitter", 0.0..=1.0).unwrap_or(usual.jitter),
    }
}

fn debounce(read: &mut Reader) -> DebounceConfig {
    let period_seconds = read.required_number("periodSeconds", SECONDS);
    DebounceConfig {
        period_seconds,
        max_wait_seconds: not_less(read, "maxWaitSeconds", "periodSeconds", period_seconds),
        key: read.data_path("key"),
    }
}

/// A time that is at least as long as another one.
fn not_less(read: &mut Reader, field: &'static str, other: &str, least: f64) -> Option<f64> {
    let seconds = read.number(field, SECONDS)?;
    if seconds < least {
        read.error(field, format!("{seconds} s must not be less than {other} ({least} s)"));
    }
    Some(seconds)
}

fn priority(read: &mut Reader) -> Option<Priority> {
    match read.take("priority")? {
        Value::Object(fields) => Some(read.within("priority", fields, |read| Priority::ByKey {
            key: read.required_data_path("key"),
        })),
        value => {
            let priority = value.as_i64().and_then(|number| i32::try_from(number).ok());
            let priority = priority.filter(|number| (-100..=100).contains(number));
            if priority.is_none() {
                let expected = "a whole number from -100 to 100, or an object with `key`";
                read.wrong("priority", expected, &value);
            }
            priority.map(Priority::Fixed)
        }
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::{Value, json};

    use crate::{ConfigError, Infrastructure, StepConfig};

    fn event(infrastructure: Value) -> Value {
        json!({ "name": "a", "type": "event", "subscribes": [], "infrastructure": infrastructure })
    }

    fn read(config: &Value) -> Infrastructure {
        StepConfig::from_json(config).unwrap().kind.infrastructure().unwrap().clone()
    }

    /// What is wrong with a step that has this queue, as the user reads it.
    fn faults(mut step: Value, queue: Value) -> Vec<String> {
        step["infrastructure"] = json!({ "queue": queue });
        let errors = StepConfig::from_json(&step).err().unwrap_or_default();
        let said = |error: &ConfigError| {
            let field = error.field.strip_prefix("infrastructure.queue.").unwrap();
            format!("{field}: {}", error.message)
        };
        errors.iter().map(said).collect()
    }

    #[test]
    fn every_setting_of_a_queue_is_read_and_written_alike() {
        let loose = json!({
            "handler": { "ram": 256, "timeout": 60 },
            "queue": {
                "type": "standard", "maxRetries": 3, "visibilityTimeout": 90, "delaySeconds": 5,
                "concurrency": 2,
                "backoff": { "type": "linear", "delaySeconds": 0.5, "maxDelaySeconds": 30.0, "jitter": 0.0 },
                "keyConcurrency": { "key": "customer.id", "limit": 2 },
                "priority": { "key": "$.urgency" },
                "rateLimit": { "limit": 10, "periodSeconds": 60.0, "key": "customer.id" },
                "throttle": { "limit": 5, "periodSeconds": 1.5, "burst": 3, "key": "customer.id" },
                "debounce": { "periodSeconds": 2.0, "maxWaitSeconds": 10.0, "key": "id" },
                "startTimeout": 60.0, "finishTimeout": 3600.0,
            },
        });
        let batches = json!({
            "handler": {},
            "queue": { "type": "standard", "priority": -7,
                       "batch": { "size": 10, "timeoutSeconds": 0.5, "key": "kind" } },
        });
        let ordered = json!({ "handler": {}, "queue": { "type": "fifo", "onFailure": "block" } });
        for infrastructure in [loose, batches, ordered] {
            let read = read(&event(infrastructure.clone()));
            assert_eq!(serde_json::to_value(&read).unwrap(), infrastructure);
            assert_eq!(Infrastructure::deserialize(&infrastructure).unwrap(), read);
        }
    }

    #[test]
    fn what_is_left_out_has_its_usual_value() {
        let queue = json!({
            "keyConcurrency": { "key": "id" }, "debounce": { "periodSeconds": 1 },
            "throttle": { "limit": 1, "periodSeconds": 1 }, "backoff": { "delaySeconds": 7200 },
        });
        let queue = read(&event(json!({ "queue": queue }))).queue;
        assert_eq!(queue.key_concurrency.unwrap().limit, 1);
        assert_eq!(queue.debounce.unwrap().max_wait_seconds, None);
        assert_eq!(queue.throttle.unwrap().burst, 1);
        assert_eq!(queue.backoff.max_delay_seconds, 7200.0);
        let batch = read(&event(json!({ "queue": { "batch": { "size": 2 } } }))).queue.batch;
        assert_eq!(batch.unwrap().timeout_seconds, 1.0);
        assert_eq!(read(&event(Value::Null)), Infrastructure::default());
    }

    #[test]
    fn a_fault_names_its_field_and_what_was_expected() {
        let fault = |queue: Value, expected: &str| {
            let faults = faults(event(Value::Null), queue);
            assert!(faults.first().is_some_and(|fault| fault.contains(expected)), "{faults:?}");
        };
        fault(json!({ "colour": 1 }), "colour: is not known here; expected type, onFailure, ");
        fault(json!({ "type": "lifo" }), "type: expected one of standard, fifo, found `lifo`");
        fault(json!({ "onFailure": "block" }), "onFailure: only a queue whose `type` is `fifo` ");
        fault(json!({ "maxRetries": -1 }), "maxRetries: expected a whole number from 0 to 1000, ");
        fault(json!({ "delaySeconds": 901 }), " from 0 to 900, found 901");
        fault(
            json!({ "startTimeout": "soon" }),
            "expected a number from 1 to 31536000, found `soon`",
        );
        fault(json!({ "batch": 10 }), "batch: expected an object, found 10");
        fault(json!({ "batch": {} }), "batch.size: is missing; expected a whole number from 2 to ");
        fault(
            json!({ "batch": { "size": 2, "of": 1 } }),
            "batch.of: is not known here; expected size",
        );
        let rate = json!({ "limit": 1, "periodSeconds": 0 });
        let expected = "rateLimit.periodSeconds: expected a number from 0.001 to 86400, found 0";
        fault(json!({ "rateLimit": rate }), expected);
        let path =
            "keyConcurrency.key: `a-b` is not a path to one value; expected names and indexes";
        fault(json!({ "keyConcurrency": { "key": "a-b" } }), path);
        fault(json!({ "priority": 101 }), " from -100 to 100, or an object with `key`, found 101");
        fault(json!({ "priority": {} }), "priority.key: is missing; expected a path ");
        let backoff = json!({ "delaySeconds": 5, "maxDelaySeconds": 0.5 });
        let expected = "backoff.maxDelaySeconds: 0.5 s must not be less than delaySeconds (5 s)";
        fault(json!({ "backoff": backoff }), expected);
    }

    #[test]
    fn what_does_not_go_together_is_refused_by_both_names() {
        let batch = json!({ "size": 2 });
        let others = [
            ("keyConcurrency", json!({ "key": "id" })),
            ("debounce", json!({ "periodSeconds": 1 })),
            ("throttle", json!({ "limit": 1, "periodSeconds": 1 })),
        ];
        for (other, value) in &others {
            let faults = faults(event(Value::Null), json!({ "batch": &batch, (*other): value }));
            let fault = format!("batch: does not go with `{other}`; take one of the two out");
            assert_eq!(faults, [fault]);
        }
        for (field, value) in [&others[0], &others[1], &("batch", batch)] {
            let faults = faults(event(Value::Null), json!({ "type": "fifo", (*field): value }));
            let fault = format!("{field}: must be left out: it does not go with `type` `fifo`");
            assert_eq!(faults, [fault]);
        }
    }

    #[test]
    fn changes_are_in_order_and_have_no_keys_but_their_own() {
        let state = json!({ "name": "a", "type": "state" });
        let stream = json!({ "name": "a", "type": "stream", "streamName": "todos" });
        for step in [state, stream] {
            let faults = faults(
                step.clone(),
                json!({ "batch": { "size": 2 }, "priority": { "key": "id" } }),
            );
            assert_eq!(
                faults,
                [
                    "batch: must be left out: the changes of a key are always handled in order",
                    "priority.key: only event steps have it",
                ]
            );
            let mut step = step;
            step["infrastructure"] = json!({ "queue": { "onFailure": "block", "priority": 5 } });
            assert_eq!(read(&step).queue.on_failure, crate::OnFailure::Block);
        }
    }

    #[test]
    fn a_visibility_timeout_must_exceed_the_handlers_timeout() {
        let infrastructure =
            json!({ "handler": { "timeout": 60 }, "queue": { "visibilityTimeout": 30 } });
        let errors = StepConfig::from_json(&event(infrastructure)).unwrap_err();
        assert_eq!(errors[0].field, "infrastructure.queue.visibilityTimeout");
    }
}
