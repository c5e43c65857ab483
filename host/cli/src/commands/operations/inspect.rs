//! `motia inspect`: what a running host has to do, does and has done.

use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::text::{cell, details, error, table, time};
use crate::client::{Client, HostArguments, path, query};

/// Show the queues of a running host, what waits in them and why, and what was run.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  motia inspect\n  motia inspect deliveries --step Charge --state parked\n  \
                  motia inspect dead-letters --code handler_timeout\n  motia inspect run 019aa3f1c2d000012 --json"
)]
pub struct Inspect {
    #[command(subcommand)]
    what: Option<What>,
    /// Print the host's answer as it is.
    #[arg(long, global = true)]
    json: bool,
    #[command(flatten)]
    host: HostArguments,
}

#[derive(Subcommand)]
enum What {
    /// How much waits in each queue.
    Queues,
    /// What is not done, and why it is not running.
    Deliveries(Deliveries),
    /// One delivery.
    Delivery(Named),
    /// What will not be tried again by itself.
    DeadLetters(Letters),
    /// One dead letter, with the error of every attempt.
    DeadLetter(Named),
    /// What was run, newest first.
    Runs(Runs),
    /// One run, with what it was called with.
    Run(Named),
    /// What is being run.
    Running,
    /// The cron steps and their next ticks.
    Crons(Crons),
    /// Dead letters on their way back.
    Redrives,
}

#[derive(Args)]
struct Named {
    /// Its id.
    id: String,
}

#[derive(Args)]
struct Deliveries {
    /// Of one step only.
    #[arg(long)]
    step: Option<String>,
    /// In one state only: ready, scheduled, retrying, throttled, parked or leased.
    #[arg(long)]
    state: Option<String>,
    /// Of one event only, by its id.
    #[arg(long, value_name = "ID")]
    event: Option<String>,
    /// Behind this delivery: the next page.
    #[arg(long, value_name = "ID")]
    after: Option<String>,
    /// So many at most, up to 1000.
    #[arg(long, default_value_t = 100)]
    limit: u32,
}

#[derive(Args)]
struct Letters {
    /// Of one step only.
    #[arg(long)]
    step: Option<String>,
    /// Of one topic only.
    #[arg(long)]
    topic: Option<String>,
    /// Whose last error has this code.
    #[arg(long)]
    code: Option<String>,
    /// Of one trace only.
    #[arg(long, value_name = "ID")]
    trace: Option<String>,
    /// That died then or later: an ISO 8601 time, or milliseconds since 1970.
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// That died before.
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// Before this dead letter: the next page.
    #[arg(long, value_name = "ID")]
    before: Option<String>,
    /// So many at most, up to 1000.
    #[arg(long, default_value_t = 100)]
    limit: u32,
}

#[derive(Args)]
struct Runs {
    /// Of one step only.
    #[arg(long)]
    step: Option<String>,
    /// That ended so: succeeded, failed or cancelled.
    #[arg(long)]
    status: Option<String>,
    /// Of one trace only.
    #[arg(long, value_name = "ID")]
    trace: Option<String>,
    /// That began then or later: an ISO 8601 time, or milliseconds since 1970.
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// That began before.
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// Before this run: the next page.
    #[arg(long, value_name = "ID")]
    before: Option<String>,
    /// So many at most, up to 1000.
    #[arg(long, default_value_t = 100)]
    limit: u32,
}

#[derive(Args)]
struct Crons {
    /// So many of the next ticks.
    #[arg(long, default_value_t = 5)]
    next: u32,
}

impl Inspect {
    /// Asks and prints.
    pub async fn run(self) -> Result<ExitCode> {
        let client = self.host.client()?;
        let (answer, text) = match self.what {
            Some(what) => {
                let answer = client.get(&what.path()).await?;
                let text = what.text(&answer);
                (answer, text)
            }
            None => overview(&client).await?,
        };
        match self.json {
            true => println!("{answer:#}"),
            false => print!("{text}"),
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl What {
    fn path(&self) -> String {
        match self {
            Self::Queues => "/queues".to_owned(),
            Self::Deliveries(deliveries) => deliveries.path(),
            Self::Delivery(Named { id }) => path(&["deliveries", id]),
            Self::DeadLetters(letters) => letters.path(),
            Self::DeadLetter(Named { id }) => path(&["dead-letters", id]),
            Self::Runs(runs) => runs.path(),
            Self::Run(Named { id }) => path(&["runs", id]),
            Self::Running => "/runs/running".to_owned(),
            Self::Crons(Crons { next }) => format!("/crons?next={next}"),
            Self::Redrives => "/redrives".to_owned(),
        }
    }

    fn text(&self, answer: &Value) -> String {
        let listed = match self {
            Self::Queues => queues(items(answer)),
            Self::Deliveries(_) => deliveries(items(answer)),
            Self::DeadLetters(_) => dead_letters(items(answer)),
            Self::Runs(_) => runs(items(answer)),
            Self::Running => running(items(answer)),
            Self::Crons(_) => crons(items(answer)),
            Self::Redrives => redrives(items(answer)),
            Self::Delivery(_) | Self::DeadLetter(_) | Self::Run(_) => details(answer),
        };
        match answer["next"].as_str() {
            Some(next) if matches!(self, Self::Deliveries(_)) => {
                format!("{listed}more: --after {next}\n")
            }
            Some(next) => format!("{listed}more: --before {next}\n"),
            None => listed,
        }
    }
}

impl Deliveries {
    fn path(&self) -> String {
        let parameters = [
            ("step", self.step.clone()),
            ("state", self.state.clone()),
            ("event", self.event.clone()),
            ("after", self.after.clone()),
            ("limit", Some(self.limit.to_string())),
        ];
        format!("/deliveries{}", query(&parameters))
    }
}

impl Letters {
    fn path(&self) -> String {
        let parameters = [
            ("step", self.step.clone()),
            ("topic", self.topic.clone()),
            ("code", self.code.clone()),
            ("traceId", self.trace.clone()),
            ("since", self.since.clone()),
            ("until", self.until.clone()),
            ("before", self.before.clone()),
            ("limit", Some(self.limit.to_string())),
        ];
        format!("/dead-letters{}", query(&parameters))
    }
}

impl Runs {
    fn path(&self) -> String {
        let parameters = [
            ("step", self.step.clone()),
            ("status", self.status.clone()),
            ("traceId", self.trace.clone()),
            ("since", self.since.clone()),
            ("until", self.until.clone()),
            ("before", self.before.clone()),
            ("limit", Some(self.limit.to_string())),
        ];
        format!("/runs{}", query(&parameters))
    }
}

/// The queues and what goes on, all in all.
async fn overview(client: &Client) -> Result<(Value, String)> {
    let queues_answer = client.get("/queues").await?;
    let running = client.get("/runs/running").await?;
    let redrives = client.get("/redrives").await?;
    let listed = items(&queues_answer);
    let sum = |field: &str| listed.iter().filter_map(|queue| queue[field].as_u64()).sum::<u64>();
    let text = format!(
        "{}\n{} running, {} ready, {} delayed, {} behind others, {} dead letters, {} redrives\n",
        queues(listed),
        items(&running).len(),
        sum("ready"),
        sum("delayed"),
        sum("parked"),
        sum("dead"),
        items(&redrives).len(),
    );
    let answer = json!({
        "queues": queues_answer["items"],
        "running": running["items"],
        "redrives": redrives["items"],
    });
    Ok((answer, text))
}

fn items(answer: &Value) -> &[Value] {
    answer["items"].as_array().map(Vec::as_slice).unwrap_or_default()
}

fn queues(queues: &[Value]) -> String {
    let why = |queue: &Value| match queue["paused"]["reason"].as_str() {
        Some(reason) => format!("paused: {reason}"),
        None if queue["concurrency"].is_null() => "no step of this name is deployed".to_owned(),
        None => String::new(),
    };
    let row = |queue: &Value| {
        [
            cell(&queue["step"]),
            cell(&queue["ready"]),
            cell(&queue["delayed"]),
            cell(&queue["parked"]),
            cell(&queue["inFlight"]),
            cell(&queue["concurrency"]),
            cell(&queue["dead"]),
            time(&queue["oldestDueAt"]),
            why(queue),
        ]
    };
    let columns =
        ["step", "ready", "delayed", "behind", "running", "at most", "dead", "oldest", "why"];
    table(columns, queues.iter().map(row).collect())
}

fn deliveries(deliveries: &[Value]) -> String {
    let row = |delivery: &Value| {
        [
            cell(&delivery["id"]),
            cell(&delivery["step"]),
            cell(&delivery["topic"]),
            cell(&delivery["reason"]),
            cell(&delivery["attempt"]),
            time(&delivery["dueAt"]),
            cell(&delivery["traceId"]),
            cell(&delivery["why"]),
        ]
    };
    let columns = ["id", "step", "topic", "state", "attempts", "due", "trace", "why"];
    table(columns, deliveries.iter().map(row).collect())
}

fn dead_letters(letters: &[Value]) -> String {
    let row = |letter: &Value| {
        let errors = letter["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
        [
            cell(&letter["id"]),
            cell(&letter["step"]),
            cell(&letter["topic"]),
            errors.len().to_string(),
            time(&letter["diedAt"]),
            cell(&letter["traceId"]),
            errors.last().map(error).unwrap_or_default(),
        ]
    };
    let columns = ["id", "step", "topic", "attempts", "died", "trace", "why"];
    table(columns, letters.iter().map(row).collect())
}

fn runs(runs: &[Value]) -> String {
    let row = |run: &Value| {
        let ms = run["endedAt"].as_i64().unwrap_or(0) - run["startedAt"].as_i64().unwrap_or(0);
        [
            cell(&run["id"]),
            cell(&run["step"]),
            cell(&run["kind"]),
            cell(&run["status"]),
            cell(&run["attempt"]),
            time(&run["startedAt"]),
            ms.to_string(),
            cell(&run["traceId"]),
            error(&run["error"]),
        ]
    };
    let columns = ["id", "step", "kind", "status", "attempt", "started", "ms", "trace", "why"];
    table(columns, runs.iter().map(row).collect())
}

fn running(running: &[Value]) -> String {
    let row = |run: &Value| {
        [
            cell(&run["id"]),
            cell(&run["step"]),
            cell(&run["attempt"]),
            time(&run["startedAt"]),
            cell(&run["deliveries"]),
            cell(&run["traceId"]),
        ]
    };
    let columns = ["id", "step", "attempt", "started", "deliveries", "trace"];
    table(columns, running.iter().map(row).collect())
}

fn crons(crons: &[Value]) -> String {
    let ticks = |cron: &Value| {
        let ticks = cron["nextTicks"].as_array().into_iter().flatten();
        ticks.map(time).collect::<Vec<_>>().join(", ")
    };
    let row = |cron: &Value| {
        [
            cell(&cron["step"]),
            cell(&cron["cron"]),
            cell(&cron["timezone"]),
            time(&cron["lastTick"]),
            ticks(cron),
        ]
    };
    table(["step", "cron", "time zone", "last tick", "next ticks"], crons.iter().map(row).collect())
}

fn redrives(redrives: &[Value]) -> String {
    let row = |redrive: &Value| {
        [
            cell(&redrive["id"]),
            cell(&redrive["perSecond"]),
            cell(&redrive["moved"]),
            time(&redrive["createdAt"]),
            redrive["filter"].to_string(),
        ]
    };
    table(["id", "a second", "moved", "began", "filter"], redrives.iter().map(row).collect())
}
