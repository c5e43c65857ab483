//! What happens now, as server-sent events.
//!
//! Whoever watches costs a fixed amount: events are gathered for a quarter of a second, or for a second while there are
//! many, of each kind at most 100 are told and the others counted, and nothing is kept for a reader who does not read.

use std::{collections::HashSet, convert::Infallible, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::stream;
use http::{HeaderName, Method, Response, request::Parts};
use http_body_util::{BodyExt, Either, StreamBody};
use hyper::body::Frame;
use motia_engine::{Engine, Join, RunningInfo};
use motia_manifest::{StepName, TraceId};
use motia_store::Recorded;
use serde_json::{Value, json};
use tokio::{
    sync::{
        broadcast::{Receiver, error::TryRecvError},
        watch,
    },
    time::{Instant, sleep_until, timeout},
};

use super::{About, Api, access::Role, input::Parameters, output::shown, project, segments};
use crate::{
    dev::AnswerBody,
    error::{Exposure, HttpError},
    respond,
    streams::sse::{Events, event_stream},
};

/// Events are gathered for so long.
const GATHER: Duration = Duration::from_millis(250);
/// After so many rows they are gathered for longer: nobody reads that fast, and a browser draws each time.
const MANY: usize = 50;
const GATHER_MANY: Duration = Duration::from_secs(1);
/// Figures are told so often at most.
const FIGURES: Duration = Duration::from_secs(1);
/// How long an answer is silent at most.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// So many of one kind are told at once.
const ROWS: usize = 100;

const TOPICS: [&str; 4] = ["runs", "logs", "figures", "project"];

impl Api {
    /// Answers a request for events; none if the path has none.
    pub async fn follow(
        &self,
        operation: &str,
        head: &Parts,
        trace_id: &str,
    ) -> Option<Response<AnswerBody>> {
        let path = segments(operation).ok()?;
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        let events = match path.as_slice() {
            ["live"] => self.live(head).await,
            // An item may have this id.
            ["streams", stream, group, "live"] if is_read(head) => {
                self.stream(stream, group, head).await
            }
            _ => return None,
        };
        let (mut response, events) = match events {
            Ok(body) => (event_stream(), Some(body)),
            Err(error) => (respond::from_error(&error, trace_id, Exposure::Developer), None),
        };
        super::ask_for_token(&mut response);
        respond::finish_private(&mut response, &head.method, trace_id);
        Some(response.map(|body| match events {
            Some(events) if head.method == Method::GET => events,
            _ => Either::Left(body),
        }))
    }

    fn check(&self, head: &Parts) -> Result<Role, HttpError> {
        let role = self.access.check(head)?;
        only_read(head)?;
        Ok(role)
    }

    async fn live(&self, head: &Parts) -> Result<AnswerBody, HttpError> {
        let role = self.check(head)?;
        let query = head.uri.query().unwrap_or_default();
        let parameters = Parameters::of(query, &["topics", "step", "traceId"])?;
        let topics = parameters.text("topics").unwrap_or("project");
        let topics: Vec<&str> = topics.split(',').collect();
        if let Some(unknown) = topics.iter().find(|topic| !TOPICS.contains(topic)) {
            let known = TOPICS.join(", ");
            return Err(super::input::wrong(format!("`topics`: `{unknown}` is none of {known}")));
        }
        let has = |topic: &str| topics.contains(&topic);
        let recorded =
            if has("runs") || has("logs") { self.engine.watch_telemetry() } else { None };
        if recorded.is_some() {
            // What came before and is not told can be read when the answer begins: whoever reads then has all.
            self.engine.flush_telemetry().await;
        }
        let live = Live {
            engine: self.engine.clone(),
            about: Arc::clone(&self.about),
            role,
            step: parameters.typed("step"),
            trace_id: parameters.typed("traceId"),
            runs: has("runs"),
            logs: has("logs"),
            figures: has("figures").then(|| (Instant::now(), Value::Null)),
            project: has("project").then_some(Value::Null),
            recorded,
            running: HashSet::new(),
            next_at: Instant::now(),
        };
        Ok(body_of(live, self.stopped.subscribe()))
    }

    async fn stream(
        &self,
        stream: &str,
        group: &str,
        head: &Parts,
    ) -> Result<AnswerBody, HttpError> {
        self.check(head)?;
        let parameters = Parameters::of(head.uri.query().unwrap_or_default(), &["id", "since"])?;
        let id = HeaderName::from_static("last-event-id");
        let last = head.headers.get(id).and_then(|value| value.to_str().ok()?.parse().ok());
        let (client, frames) = self.engine.connect_live();
        let join = Join {
            stream: stream.to_owned(),
            group: group.to_owned(),
            id: parameters.text("id").map(str::to_owned),
            subscription: String::new(),
            since: last.or(parameters.id("since")?),
        };
        client.join(join).await?;
        Ok(Events::new(client, frames, None, self.stopped.subscribe()).into_body())
    }
}

/// Refuses other methods than those that read.
pub fn only_read(head: &Parts) -> Result<(), HttpError> {
    if is_read(head) {
        return Ok(());
    }
    Err(HttpError::method_not_allowed(head.method.as_str(), head.uri.path(), &["GET", "HEAD"]))
}

fn is_read(head: &Parts) -> bool {
    head.method == Method::GET || head.method == Method::HEAD
}

/// Turns what somebody watches into an answer's body.
fn body_of(live: Live, stopped: watch::Receiver<bool>) -> AnswerBody {
    let frames = stream::unfold((live, stopped), |(mut live, mut stopped)| async move {
        let text = tokio::select! {
            biased;
            // An error says that the server is gone, which ends the stream as well.
            _ = stopped.wait_for(|stopped| *stopped) => return None,
            text = timeout(HEARTBEAT, live.next()) => text.unwrap_or_else(|_| ":\n\n".to_owned()),
        };
        Some((Ok::<_, Infallible>(Frame::data(Bytes::from(text))), (live, stopped)))
    });
    Either::Right(StreamBody::new(frames).boxed_unsync())
}

/// What somebody watches.
struct Live {
    engine: Engine,
    about: Arc<About>,
    role: Role,
    step: Option<StepName>,
    trace_id: Option<TraceId>,
    runs: bool,
    logs: bool,
    /// When they are told next, and what was told last.
    figures: Option<(Instant, Value)>,
    /// What was told last.
    project: Option<Value>,
    recorded: Option<Receiver<Recorded>>,
    /// The runs that are known to have begun.
    running: HashSet<String>,
    /// Until then, events are gathered.
    next_at: Instant,
}

/// What has come of one kind.
#[derive(Default)]
struct Rows {
    rows: Vec<Value>,
    skipped: u64,
}

impl Rows {
    fn add<T: serde::Serialize>(&mut self, row: &T) {
        if self.rows.len() < ROWS
            && let Ok(row) = shown(row)
        {
            self.rows.push(row);
        } else {
            self.skipped += 1;
        }
    }
}

impl Live {
    /// The next events. Nothing is lost if it is given up while it waits.
    async fn next(&mut self) -> String {
        loop {
            sleep_until(self.next_at).await;
            let now = Instant::now();
            self.next_at = now + GATHER;
            let mut text = String::new();
            self.tell_figures(&mut text).await;
            self.tell_project(&mut text);
            if self.tell_recorded(&mut text) > MANY {
                self.next_at = now + GATHER_MANY;
            }
            if !text.is_empty() {
                return text;
            }
        }
    }

    fn tell_project(&mut self, text: &mut String) {
        let Some(last) = &mut self.project else { return };
        let now = project::shown(&self.engine, &self.about, self.role);
        if now != *last {
            event(text, "project", &now);
            *last = now;
        }
    }

    fn is_wanted(&self, step: &StepName, trace_id: &TraceId) -> bool {
        self.step.as_ref().is_none_or(|wanted| wanted == step)
            && self.trace_id.as_ref().is_none_or(|wanted| wanted == trace_id)
    }

    /// How many rows were told.
    fn tell_recorded(&mut self, text: &mut String) -> usize {
        let (mut ended, mut logs) = (Rows::default(), Rows::default());
        while let Some(recorded) = &mut self.recorded {
            match recorded.try_recv() {
                Ok(Recorded::Run(run)) => {
                    self.running.remove(&run.id);
                    if self.runs && self.is_wanted(&run.step, &run.trace_id) {
                        ended.add(run.as_ref());
                    }
                }
                Ok(Recorded::Log(entry)) => {
                    if self.logs && self.is_wanted(&entry.step, &entry.trace_id) {
                        logs.add(entry.as_ref());
                    }
                }
                // Of which kind they were is not known.
                Err(TryRecvError::Lagged(missed)) => {
                    ended.skipped += if self.runs { missed } else { 0 };
                    logs.skipped += if self.logs { missed } else { 0 };
                }
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Closed) => self.recorded = None,
            }
        }
        let started = if self.runs { self.started() } else { Rows::default() };
        let told = ended.rows.len() + started.rows.len() + logs.rows.len();
        if !ended.rows.is_empty() || !started.rows.is_empty() || ended.skipped > 0 {
            let skipped = ended.skipped + started.skipped;
            let data = json!({ "started": started.rows, "ended": ended.rows, "skipped": skipped });
            event(text, "runs", &data);
        }
        if !logs.rows.is_empty() || logs.skipped > 0 {
            event(text, "logs", &json!({ "items": logs.rows, "skipped": logs.skipped }));
        }
        told
    }

    /// The runs that have begun since the last time and go on.
    fn started(&mut self) -> Rows {
        let running: Vec<RunningInfo> = self.engine.running();
        let mut started = Rows::default();
        for run in &running {
            if !self.running.contains(&run.id) && self.is_wanted(&run.step, &run.trace_id) {
                started.add(run);
            }
        }
        self.running = running.into_iter().map(|run| run.id).collect();
        started
    }

    async fn tell_figures(&mut self, text: &mut String) {
        let now = Instant::now();
        let Some((due, last)) = &mut self.figures else { return };
        if now < *due {
            return;
        }
        *due = now + FIGURES;
        let Ok(figures) = self.engine.all_figures().await else { return };
        let Ok(figures) = shown(&figures) else { return };
        // Memory and time change always; they alone are no news.
        if figures["steps"] != last["steps"] {
            event(text, "figures", &figures);
            *last = figures;
        }
    }
}

fn event(text: &mut String, name: &str, data: &Value) {
    text.push_str(&format!("event: {name}\ndata: {data}\n\n"));
}
