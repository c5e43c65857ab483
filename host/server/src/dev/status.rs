//! What became of the last build, as JSON and as a stream of events.

use std::{convert::Infallible, time::Duration};

use bytes::Bytes;
use futures_util::stream;
use http_body_util::{BodyExt, StreamBody, combinators::UnsyncBoxBody};
use hyper::body::Frame;
use motia_engine::Deployment;
use motia_manifest::{Step, StepKind};
use serde_json::{Value, json};
use tokio::{sync::watch, time::timeout};

/// How long a stream is silent at most: proxies and browsers give up on longer silence.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// The state of a project under `motia dev`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BuildStatus {
    /// A build runs; the version before serves.
    Building,
    /// The version that serves is what the files say.
    Good {
        /// How long it took, in milliseconds.
        ms: u64,
        /// The files that were built, relative to the project.
        rebuilt: Vec<String>,
    },
    /// Some files have errors. What is served is what could be built, or the version before.
    Broken {
        /// At least one.
        errors: Vec<BuildFault>,
    },
}

/// One thing that keeps a project from being built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildFault {
    /// The file, relative to the project; none for the project as a whole.
    pub file: Option<String>,
    /// From 1.
    pub line: Option<u32>,
    /// From 1.
    pub column: Option<u32>,
    /// The text of the line.
    pub excerpt: Option<String>,
    /// What is wrong, and what was expected.
    pub message: String,
}

/// The body of an answer that goes on until the server stops.
pub type EventBody = UnsyncBoxBody<Bytes, Infallible>;

/// The status beside what serves now.
pub fn to_json(status: &BuildStatus, deployment: &Deployment) -> Value {
    let steps: Vec<Value> = deployment.steps().iter().map(|step| of_step(&step.step)).collect();
    let mut json = of_build(status);
    json["deployment"] = json!(deployment.digest());
    json["steps"] = Value::Array(steps);
    json
}

/// How a build ended.
pub fn of_build(status: &BuildStatus) -> Value {
    match status {
        BuildStatus::Building => json!({ "state": "building" }),
        BuildStatus::Good { ms, rebuilt } => {
            json!({ "state": "good", "ms": ms, "rebuilt": rebuilt })
        }
        BuildStatus::Broken { errors } => {
            let errors: Vec<Value> = errors.iter().map(of_fault).collect();
            json!({ "state": "broken", "errors": errors })
        }
    }
}

fn of_fault(fault: &BuildFault) -> Value {
    json!({
        "file": fault.file,
        "line": fault.line,
        "column": fault.column,
        "excerpt": fault.excerpt,
        "message": fault.message,
    })
}

fn of_step(step: &Step) -> Value {
    let config = &step.config;
    let mut json = json!({ "name": config.name, "type": config.kind.name(), "file": step.file });
    match &config.kind {
        StepKind::Api(api) => {
            json["method"] = json!(api.method);
            json["path"] = json!(api.path);
        }
        StepKind::Event(event) => json["subscribes"] = json!(event.subscribes),
        StepKind::Cron(cron) => json["cron"] = json!(cron.cron),
        StepKind::State(state) => {
            json["groupId"] = json!(state.group_id);
            json["key"] = json!(state.key);
        }
        StepKind::Stream(stream) => {
            json["streamName"] = json!(stream.stream_name);
            json["groupId"] = json!(stream.group_id);
            json["itemId"] = json!(stream.item_id);
        }
        StepKind::Noop => {}
    }
    json
}

/// Server-sent events: the status now and at each change. A client that reads slowly misses what
/// is out of date; nothing is kept for it.
pub fn events(
    mut status: watch::Receiver<BuildStatus>,
    stopped: watch::Receiver<bool>,
    describe: impl Fn(&BuildStatus) -> Value + Send + 'static,
) -> EventBody {
    status.mark_changed();
    let events = Events { status, stopped, describe };
    let frames = stream::unfold(events, |mut events| async move {
        let text = events.next().await?;
        Some((Ok::<_, Infallible>(Frame::data(Bytes::from(text))), events))
    });
    StreamBody::new(frames).boxed_unsync()
}

struct Events<D> {
    status: watch::Receiver<BuildStatus>,
    stopped: watch::Receiver<bool>,
    describe: D,
}

impl<D: Fn(&BuildStatus) -> Value> Events<D> {
    /// The next event, or a comment after some silence; none once the server or the builder stops.
    async fn next(&mut self) -> Option<String> {
        let Self { status, stopped, describe } = self;
        let end = async {
            // An error says that the server is gone, which ends the stream as well.
            let _ = stopped.wait_for(|stopped| *stopped).await;
        };
        let changed = tokio::select! {
            biased;
            () = end => return None,
            changed = timeout(HEARTBEAT, status.changed()) => changed,
        };
        match changed {
            Ok(Ok(())) => {
                let status = status.borrow_and_update().clone();
                Some(format!("data: {}\n\n", describe(&status)))
            }
            Ok(Err(_)) => None,
            Err(_) => Some(":\n\n".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn next(body: &mut EventBody) -> Option<String> {
        let frame = timeout(Duration::from_secs(5), body.frame()).await.expect("an event");
        let data = frame?.unwrap().into_data().unwrap();
        Some(String::from_utf8(data.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn the_status_is_told_at_once_and_at_each_change_until_the_server_stops() {
        let (status, watched) = watch::channel(BuildStatus::Good { ms: 3, rebuilt: Vec::new() });
        let (stop, stopped) = watch::channel(false);
        let mut body = events(watched, stopped, of_build);
        let first = "data: {\"state\":\"good\",\"ms\":3,\"rebuilt\":[]}\n\n";
        assert_eq!(next(&mut body).await.unwrap(), first);

        status.send_replace(BuildStatus::Building);
        let fault = BuildFault {
            file: Some("steps/a.step.ts".to_owned()),
            line: Some(2),
            column: None,
            excerpt: Some("= =\t1".to_owned()),
            message: "one\ntwo".to_owned(),
        };
        status.send_replace(BuildStatus::Broken { errors: vec![fault] });
        let text = next(&mut body).await.unwrap();
        assert_eq!(text.matches('\n').count(), 2, "{text}");
        let json: Value = serde_json::from_str(text.strip_prefix("data: ").unwrap()).unwrap();
        assert_eq!(json["state"], "broken");
        let error = &json["errors"][0];
        assert_eq!((&error["line"], &error["message"]), (&json!(2), &json!("one\ntwo")));

        stop.send_replace(true);
        assert_eq!(next(&mut body).await, None);
    }
}
