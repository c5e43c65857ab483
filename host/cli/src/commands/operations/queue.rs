//! `motia queue`: one queue of a running host, and what is changed of it.

use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Subcommand};
use hyper::Method;
use serde_json::{Map, Value, json};

use super::text::details;
use crate::client::{HostArguments, path};

/// What takes a change back, so that the step's config counts again.
const AS_CONFIGURED: &str = "default";

/// Show, pause, resume or change the queue of a step.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  motia queue Charge\n  motia queue Charge pause --reason 'the bank is down'\n  motia queue Charge resume\n  \
                  motia queue Charge set --concurrency 2 --throttle 10/60s\n  motia queue Charge set --throttle default\n\n\
                  Changes are in force at once and outlast a restart; `default` takes one back."
)]
pub struct Queue {
    /// The step.
    step: String,
    #[command(subcommand)]
    action: Option<Action>,
    #[command(flatten)]
    host: HostArguments,
}

#[derive(Subcommand)]
enum Action {
    /// Attempt nothing more; what runs ends.
    Pause {
        /// Why, for those who wonder.
        #[arg(long)]
        reason: Option<String>,
    },
    /// Go on.
    Resume,
    /// Change limits.
    Set(Box<Settings>),
}

#[derive(Args)]
#[group(required = true, multiple = true)]
struct Settings {
    /// Attempts at the same time.
    #[arg(long, value_name = "N", value_parser = number)]
    concurrency: Option<Value>,
    /// Attempts after the first.
    #[arg(long, value_name = "N", value_parser = number)]
    max_retries: Option<Value>,
    /// The limit of `keyConcurrency`.
    #[arg(long, value_name = "N", value_parser = number)]
    key_concurrency: Option<Value>,
    /// The size of `batch`.
    #[arg(long, value_name = "N", value_parser = number)]
    batch_size: Option<Value>,
    /// The limit of `throttle`, such as 10/60s or, with a burst of 5, 10/60s/5.
    #[arg(long, value_name = "N/TIME", value_parser = rate)]
    throttle: Option<Value>,
    /// The limit of `rateLimit`, such as 1000/1h.
    #[arg(long, value_name = "N/TIME", value_parser = rate)]
    rate_limit: Option<Value>,
}

impl Queue {
    /// Does it, and shows the queue as it is then.
    pub async fn run(self) -> Result<ExitCode> {
        let client = self.host.client()?;
        let step = self.step.as_str();
        let (method, path, body) = match &self.action {
            None => (Method::GET, path(&["queues", step]), None),
            Some(Action::Pause { reason }) => {
                let body = json!({ "reason": reason });
                (Method::POST, path(&["queues", step, "pause"]), Some(body))
            }
            Some(Action::Resume) => (Method::POST, path(&["queues", step, "resume"]), None),
            Some(Action::Set(settings)) => {
                (Method::PATCH, path(&["queues", step]), Some(settings.changes()))
            }
        };
        print!("{}", details(&client.ask(method, &path, body).await?));
        Ok(ExitCode::SUCCESS)
    }
}

impl Settings {
    fn changes(&self) -> Value {
        let given = [
            ("concurrency", &self.concurrency),
            ("maxRetries", &self.max_retries),
            ("keyConcurrency", &self.key_concurrency),
            ("batchSize", &self.batch_size),
            ("throttle", &self.throttle),
            ("rateLimit", &self.rate_limit),
        ];
        let changes = given.into_iter().filter_map(|(name, value)| {
            let value = value.clone()?;
            Some((name.to_owned(), value))
        });
        Value::Object(changes.collect::<Map<String, Value>>())
    }
}

/// Null for what is to be as configured.
fn number(text: &str) -> Result<Value, String> {
    if text == AS_CONFIGURED {
        return Ok(Value::Null);
    }
    let number: u32 = text.parse().map_err(|_| "expected a number or `default`".to_owned())?;
    Ok(json!(number))
}

fn rate(text: &str) -> Result<Value, String> {
    if text == AS_CONFIGURED {
        return Ok(Value::Null);
    }
    let parts: Vec<&str> = text.split('/').collect();
    let read = match parts.as_slice() {
        [limit, period] => limit
            .parse::<u32>()
            .ok()
            .zip(seconds(period))
            .map(|(limit, period)| json!({ "limit": limit, "periodSeconds": period })),
        [limit, period, burst] => {
            let limits = limit.parse::<u32>().ok().zip(burst.parse::<u32>().ok());
            limits.zip(seconds(period)).map(|((limit, burst), period)| {
                json!({ "limit": limit, "periodSeconds": period, "burst": burst })
            })
        }
        _ => None,
    };
    read.ok_or_else(|| "expected such as 10/60s, 10/60s/5 or `default`".to_owned())
}

/// A time such as `500ms`, `60s`, `5m`, `1h` or `1d`; seconds if it is only a number.
fn seconds(text: &str) -> Option<f64> {
    let units = [("ms", 0.001), ("s", 1.0), ("m", 60.0), ("h", 3_600.0), ("d", 86_400.0)];
    let unit = units.iter().find_map(|(unit, length)| Some((text.strip_suffix(unit)?, length)));
    let (number, length) = unit.unwrap_or((text, &1.0));
    let number = number.parse::<f64>().ok().filter(|number| number.is_finite())?;
    Some(number * length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_a_number_in_a_time() {
        assert_eq!(rate("10/60s"), Ok(json!({ "limit": 10, "periodSeconds": 60.0 })));
        let burst = json!({ "limit": 10, "periodSeconds": 0.5, "burst": 5 });
        assert_eq!(rate("10/500ms/5"), Ok(burst));
        assert_eq!(rate("1/2h").unwrap()["periodSeconds"], 7_200.0);
        assert_eq!((rate("default"), number("default")), (Ok(Value::Null), Ok(Value::Null)));
        for wrong in ["10", "10/", "x/1s", "10/1w", "10/1s/", "10/infs", "1/1/1/1"] {
            assert!(rate(wrong).is_err(), "{wrong}");
        }
        assert_eq!((number("3"), number("-1").is_err()), (Ok(json!(3)), true));
    }
}
