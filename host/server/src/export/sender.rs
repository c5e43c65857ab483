//! Gathers what is recorded and posts it to a collector.

use std::{future::pending, sync::Arc, time::Duration};

use motia_engine::Engine;
use motia_store::{LogEntry, Recorded, Run};
use serde_json::Value;
use tokio::{
    sync::{
        broadcast::{Receiver, error::RecvError},
        watch,
    },
    task::JoinHandle,
    time::{Instant, MissedTickBehavior, interval, sleep, sleep_until, timeout_at},
};

use super::{
    ExportOptions, figures,
    otlp::{self, Resource},
};

/// A request gathers for so long at most.
const GATHER: Duration = Duration::from_secs(2);
/// And so many runs and records.
const ROWS: usize = 512;
/// So many spans are in a request, and of one run sent at all: collectors refuse requests of more than some MiB.
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
    stopping: watch::Sender<bool>,
}

impl Exporter {
    /// Sends what is gathered and the last figures, unless that takes longer than `patience`.
    pub async fn stop(mut self, patience: Duration) {
        self.stopping.send_replace(true);
        let until = Instant::now() + patience;
        for task in &mut self.tasks {
            if timeout_at(until, task).await.is_err() {
                return tracing::warn!("the collector has not taken the last telemetry in time");
            }
        }
    }
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
    let stopping = watch::Sender::new(false);
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
        tasks.push(tokio::spawn(sender.run(recorded, stopping.subscribe())));
    }
    if let Some(url) = options.metrics {
        let meter = Meter { engine: engine.clone(), collector, resource, url };
        tasks.push(tokio::spawn(meter.run(options.metric_interval, stopping.subscribe())));
    }
    Exporter { tasks, stopping }
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
    async fn run(self, mut recorded: Receiver<Recorded>, mut stopping: watch::Receiver<bool>) {
        while let Some(gathered) = gather(&mut recorded, &mut stopping).await {
            if gathered.missed > 0 {
                tracing::warn!(
                    "{} runs and log records are not exported: the collector does not keep up",
                    gathered.missed
                );
            }
            if let Some(url) = &self.traces {
                self.post_runs(url, gathered.runs).await;
            }
            if let Some(url) = self.logs.as_ref().filter(|_| !gathered.logs.is_empty()) {
                let body = otlp::logs(&self.resource, gathered.logs.iter().map(AsRef::as_ref));
                self.collector.post(url, body).await;
            }
        }
    }
}

impl Sender {
    /// Posts runs with their spans, in requests that a collector takes.
    async fn post_runs(&self, url: &str, runs: Vec<Arc<Run>>) {
        if runs.iter().any(|run| is_part(run)) {
            self.engine.flush_telemetry().await;
        }
        let (mut whole, mut spans) = (Vec::new(), 0);
        let mut runs = runs.into_iter().peekable();
        while let Some(run) = runs.next() {
            let run = self.whole(run).await;
            spans += 1 + run.spans.len();
            whole.push(run);
            let next = runs.peek().map(|next| 1 + next.span_count.min(SPANS));
            if next.is_none_or(|next| spans + next > SPANS) {
                let body = otlp::traces(&self.resource, whole.iter().map(AsRef::as_ref));
                self.collector.post(url, body).await;
                (whole, spans) = (Vec::new(), 0);
            }
        }
    }

    /// A run with its spans; those of a large one are read from the disk.
    async fn whole(&self, run: Arc<Run>) -> Arc<Run> {
        if !is_part(&run) {
            return run;
        }
        match self.engine.spans(&run.id, None, SPANS).await {
            Ok(spans) => Arc::new(Run { spans, ..Run::clone(&run) }),
            Err(error) => {
                tracing::warn!("the spans of run {} are not exported: {error}", run.id);
                run
            }
        }
    }
}

/// Whether spans of a run are only on the disk.
fn is_part(run: &Run) -> bool {
    run.spans.len() < run.span_count
}

/// What comes within a moment; none once nothing comes any more.
async fn gather(
    recorded: &mut Receiver<Recorded>,
    stopping: &mut watch::Receiver<bool>,
) -> Option<Gathered> {
    let mut gathered = Gathered::default();
    let mut until: Option<Instant> = None;
    while gathered.runs.len() + gathered.logs.len() < ROWS {
        let over = async {
            match until {
                Some(until) => sleep_until(until).await,
                None => pending().await,
            }
        };
        let next = tokio::select! {
            biased;
            next = recorded.recv() => next,
            () = over => break,
            () = stopped(stopping) => match until {
                Some(_) => break,
                None => return None,
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

async fn stopped(stopping: &mut watch::Receiver<bool>) {
    // An error says that nobody is left who could stop it, which is the end as well.
    let _ = stopping.wait_for(|stopping| *stopping).await;
}

struct Meter {
    engine: Engine,
    collector: Collector,
    resource: Resource,
    url: String,
}

impl Meter {
    async fn run(self, every: Duration, mut stopping: watch::Receiver<bool>) {
        let mut ticks = interval(every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let is_last = tokio::select! {
                _ = ticks.tick() => false,
                () = stopped(&mut stopping) => true,
            };
            self.measure().await;
            if is_last {
                return;
            }
        }
    }

    async fn measure(&self) {
        match figures::metrics(&self.engine).await {
            Ok(metrics) => {
                let (since, now) =
                    (self.engine.started_at(), jiff::Timestamp::now().as_millisecond());
                let body = otlp::metrics(&self.resource, &metrics, since, now);
                self.collector.post(&self.url, body).await;
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
