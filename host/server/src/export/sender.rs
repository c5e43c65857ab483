//! Gathers what is recorded and posts it to a collector.

use std::{sync::Arc, time::Duration};

use motia_engine::Engine;
use motia_store::{LogEntry, Recorded, Run};
use serde_json::Value;
use tokio::{
    sync::broadcast::{Receiver, error::RecvError},
    task::JoinHandle,
    time::{Instant, MissedTickBehavior, interval, sleep, timeout_at},
};

use super::{
    ExportOptions, figures,
    otlp::{self, Resource},
};

/// A request gathers for so long at most.
const GATHER: Duration = Duration::from_secs(2);
/// And so many runs and records.
const ROWS: usize = 512;
/// So many spans of one run are sent at most: collectors refuse requests of more than some MiB.
const SPANS: usize = 5_000;
/// A collector has so long to answer.
const ANSWER: Duration = Duration::from_secs(10);
/// The pauses between attempts to reach it: then the request is dropped.
const PAUSES: [Duration; 4] = [
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
    Duration::from_secs(8),
];

/// What is sent to a collector, until it is dropped.
pub struct Exporter {
    tasks: Vec<JoinHandle<()>>,
}

impl Drop for Exporter {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

/// Begins to send what an engine records. Call it on a tokio runtime.
pub fn start(engine: &Engine, options: ExportOptions) -> Exporter {
    let resource = Resource { service: options.service.clone() };
    let agent = ureq::Agent::config_builder()
        .timeout_global(Some(ANSWER))
        .http_status_as_error(false)
        .build();
    let collector = Collector { agent: agent.into(), headers: Arc::new(options.headers) };
    let mut tasks = Vec::new();
    if (options.traces.is_some() || options.logs.is_some())
        && let Some(recorded) = engine.watch_telemetry()
    {
        let sender = Sender {
            engine: engine.clone(),
            collector: collector.clone(),
            resource: resource.clone(),
            traces: options.traces,
            logs: options.logs,
        };
        tasks.push(tokio::spawn(sender.run(recorded)));
    }
    if let Some(url) = options.metrics {
        let measured = measure(engine.clone(), collector, resource, url, options.metric_interval);
        tasks.push(tokio::spawn(measured));
    }
    Exporter { tasks }
}

struct Sender {
    engine: Engine,
    collector: Collector,
    resource: Resource,
    traces: Option<String>,
    logs: Option<String>,
}

#[derive(Default)]
struct Gathered {
    runs: Vec<Arc<Run>>,
    logs: Vec<Arc<LogEntry>>,
    missed: u64,
}

impl Sender {
    async fn run(self, mut recorded: Receiver<Recorded>) {
        while let Some(gathered) = gather(&mut recorded).await {
            if gathered.missed > 0 {
                tracing::warn!(
                    "{} runs and log records are not exported: the collector does not keep up",
                    gathered.missed
                );
            }
            if let Some(url) = self.traces.as_ref().filter(|_| !gathered.runs.is_empty()) {
                let runs = self.whole(gathered.runs).await;
                let body = otlp::traces(&self.resource, runs.iter().map(AsRef::as_ref));
                self.collector.post(url, body).await;
            }
            if let Some(url) = self.logs.as_ref().filter(|_| !gathered.logs.is_empty()) {
                let body = otlp::logs(&self.resource, gathered.logs.iter().map(AsRef::as_ref));
                self.collector.post(url, body).await;
            }
        }
    }
}

impl Sender {
    /// The runs with their spans; those of large runs are read from the disk.
    async fn whole(&self, mut runs: Vec<Arc<Run>>) -> Vec<Arc<Run>> {
        let mut flushed = false;
        for run in runs.iter_mut().filter(|run| run.spans.len() < run.span_count) {
            if !flushed {
                self.engine.flush_telemetry().await;
                flushed = true;
            }
            match self.engine.spans(&run.id, None, SPANS).await {
                Ok(spans) => *run = Arc::new(Run { spans, ..Run::clone(run) }),
                Err(error) => {
                    tracing::warn!("the spans of run {} are not exported: {error}", run.id)
                }
            }
        }
        runs
    }
}

/// What comes within a moment; none once nothing comes any more.
async fn gather(recorded: &mut Receiver<Recorded>) -> Option<Gathered> {
    let mut gathered = Gathered::default();
    let mut until = None;
    while gathered.runs.len() + gathered.logs.len() < ROWS {
        let next = match until {
            None => recorded.recv().await,
            Some(until) => match timeout_at(until, recorded.recv()).await {
                Ok(next) => next,
                Err(_) => break,
            },
        };
        match next {
            Ok(Recorded::Run(run)) => gathered.runs.push(run),
            Ok(Recorded::Log(entry)) => gathered.logs.push(entry),
            Err(RecvError::Lagged(missed)) => gathered.missed += missed,
            Err(RecvError::Closed) if until.is_none() => return None,
            Err(RecvError::Closed) => break,
        }
        until.get_or_insert_with(|| Instant::now() + GATHER);
    }
    Some(gathered)
}

async fn measure(
    engine: Engine,
    collector: Collector,
    resource: Resource,
    url: String,
    every: Duration,
) {
    let started_at = engine.started_at();
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        match figures::metrics(&engine).await {
            Ok(metrics) => {
                let now = jiff::Timestamp::now().as_millisecond();
                let body = otlp::metrics(&resource, &metrics, started_at, now);
                collector.post(&url, body).await;
            }
            Err(error) => tracing::warn!("no figures are exported: {error}"),
        }
    }
}

#[derive(Clone)]
struct Collector {
    agent: ureq::Agent,
    headers: Arc<Vec<(String, String)>>,
}

/// What came of a request.
enum Posted {
    Taken,
    /// It would be refused again.
    Refused(String),
    /// Another attempt may help.
    Failed(String),
}

impl Collector {
    /// Posts a request, again while the collector cannot be reached; says when it is given up.
    async fn post(&self, url: &str, body: Value) {
        let body: Arc<str> = body.to_string().into();
        let mut failed = String::new();
        for pause in PAUSES.iter().map(Some).chain([None]) {
            match self.post_once(url, Arc::clone(&body)).await {
                Posted::Taken => return,
                Posted::Refused(why) => {
                    tracing::warn!("{url} refuses telemetry: {why}");
                    return;
                }
                Posted::Failed(why) => failed = why,
            }
            if let Some(pause) = pause {
                sleep(*pause).await;
            }
        }
        tracing::warn!("{url} does not take telemetry: {failed}; it is dropped");
    }

    async fn post_once(&self, url: &str, body: Arc<str>) -> Posted {
        let (agent, headers, url) = (self.agent.clone(), Arc::clone(&self.headers), url.to_owned());
        let posted = tokio::task::spawn_blocking(move || {
            let mut request = agent.post(&url).header("content-type", "application/json");
            for (name, value) in headers.iter() {
                request = request.header(name, value);
            }
            match request.send(&*body) {
                Ok(response) => match response.status().as_u16() {
                    200..=299 => Posted::Taken,
                    status @ (429 | 502 | 503 | 504) => Posted::Failed(format!("status {status}")),
                    status => Posted::Refused(format!("status {status}")),
                },
                Err(error) => Posted::Failed(error.to_string()),
            }
        });
        posted.await.unwrap_or_else(|error| Posted::Refused(error.to_string()))
    }
}
