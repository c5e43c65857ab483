//! Runs: those that go on, those that have ended, and how to run one again.

use motia_manifest::StepName;
use motia_store::{RunFilter, RunStatus};
use serde_json::{Value, json};

use super::{
    Request,
    input::{Fields, Parameters, missing, wrong},
    output::{self, all_shown, page, parsed, shown},
};
use crate::error::HttpError;

/// How many spans a page may have.
const SPANS: usize = 5_000;

const PARAMETERS: [&str; 12] = [
    "step", "kind", "status", "flow", "traceId", "search", "roots", "minMs", "since", "until",
    "before", "limit",
];

/// What starts a run.
const KINDS: [&str; 10] = [
    "api",
    "event",
    "batch",
    "cron",
    "state",
    "stream",
    "authenticate",
    "canAccess",
    "onJoin",
    "onLeave",
];

/// So many runs are run again at most by one request.
const REPLAYS: usize = 1_000;

pub async fn answer(request: &Request, path: &[&str]) -> Result<Value, HttpError> {
    match (request.method(), path) {
        ("GET", []) => list(request).await,
        ("GET", ["running"]) => {
            request.parameters(&[])?;
            Ok(output::list(all_shown(&request.engine.running())?))
        }
        ("POST", ["replay"]) => replay_many(request).await,
        (_, ["replay"]) => Err(request.only(&["POST"])),
        ("GET", [run]) => show(request, run).await,
        ("GET", [run, "spans"]) => spans(request, run).await,
        ("DELETE", [run]) => cancel(request, run),
        ("POST", [run, "replay"]) => replay(request, run).await,
        (_, [] | ["running"]) => Err(request.only(&["GET", "HEAD"])),
        (_, [_, "spans"]) => Err(request.only(&["GET", "HEAD"])),
        (_, [_]) => Err(request.only(&["GET", "HEAD", "DELETE"])),
        (_, [_, "replay"]) => Err(request.only(&["POST"])),
        _ => Err(request.unknown()),
    }
}

async fn list(request: &Request) -> Result<Value, HttpError> {
    let parameters = request.parameters(&PARAMETERS)?;
    let limit = parameters.limit()?;
    let filter = RunFilter {
        tenant: request.engine.tenant().clone(),
        steps: steps_of(request, parameters.typed("step"), parameters.text("flow")),
        kind: parameters.read("kind", &KINDS.join(", "), kind_of)?,
        search: parameters.text("search").map(str::to_owned),
        roots: parameters
            .read("roots", "true or false", |word| word.parse().ok())?
            .unwrap_or(false),
        min_ms: parameters.read("minMs", "a number of milliseconds", |word| word.parse().ok())?,
        status: parameters.read("status", "succeeded, failed or cancelled", status_of)?,
        trace_id: parameters.typed("traceId"),
        since: parameters.time("since")?,
        until: parameters.time("until")?,
        before: parameters.cursor("before")?,
        limit: limit + 1,
    };
    let runs = request.engine.runs(filter).await?;
    Ok(page(all_shown(&runs)?, limit))
}

fn kind_of(word: &str) -> Option<String> {
    KINDS.contains(&word).then(|| word.to_owned())
}

fn status_of(word: &str) -> Option<RunStatus> {
    serde_json::from_value(Value::from(word)).ok()
}

async fn show(request: &Request, id: &str) -> Result<Value, HttpError> {
    request.parameters(&[])?;
    let mut run = request.engine.run(id).await?;
    if run.is_none() {
        // It may have ended just now.
        request.engine.flush_telemetry().await;
        run = request.engine.run(id).await?;
    }
    let run = run.ok_or_else(|| missing(format!("run `{id}` that has ended")))?;
    let mut json = shown(&run)?;
    json["input"] = run.input.as_deref().map_or(Value::Null, parsed);
    json["output"] = run.output.as_deref().map_or(Value::Null, parsed);
    Ok(json)
}

/// Those of a step, and of a flow.
fn steps_of(
    request: &Request,
    step: Option<StepName>,
    flow: Option<&str>,
) -> Option<Vec<StepName>> {
    let Some(flow) = flow else { return step.map(|step| vec![step]) };
    let deployment = request.engine.deployment();
    let of_flow = deployment
        .steps()
        .iter()
        .filter(|deployed| deployed.step.config.flows.iter().any(|name| name == flow))
        .map(|deployed| deployed.name.clone())
        .filter(|name| step.as_ref().is_none_or(|step| step == name));
    Some(of_flow.collect())
}

/// How many spans a page shall have.
pub fn span_limit(parameters: &Parameters) -> Result<usize, HttpError> {
    let limit = parameters.read("limit", &format!("a number from 1 to {SPANS}"), |word| {
        word.parse().ok().filter(|limit| (1..=SPANS).contains(limit))
    })?;
    Ok(limit.unwrap_or(1_000))
}

async fn spans(request: &Request, run: &str) -> Result<Value, HttpError> {
    let parameters = request.parameters(&["after", "limit"])?;
    let limit = span_limit(&parameters)?;
    let after: Option<usize> =
        parameters.read("after", "a page's `next`", |word| word.parse().ok())?;
    let mut spans = request.engine.spans(run, after, limit + 1).await?;
    if spans.is_empty() && after.is_none() {
        request.engine.flush_telemetry().await;
        spans = request.engine.spans(run, after, limit + 1).await?;
    }
    let first = after.map_or(0, |after| after.saturating_add(1));
    let more = spans.len() > limit;
    let mut items = Vec::with_capacity(spans.len());
    for (number, span) in spans.iter().take(limit).enumerate() {
        let mut json = shown(span)?;
        json["index"] = json!(first + number);
        items.push(json);
    }
    let next = more.then(|| (first + limit - 1).to_string());
    Ok(json!({ "items": items, "next": next }))
}

/// Runs several again, one after the other, the oldest first.
async fn replay_many(request: &Request) -> Result<Value, HttpError> {
    let fields = request.fields(&["ids", "step", "kind", "status", "since", "until", "version"])?;
    let mut ids = match meant(&fields)? {
        Meant::Ids(ids) => ids,
        Meant::Filter(filter) => {
            let runs = request.engine.runs(*filter).await?;
            runs.into_iter().map(|run| run.id).collect()
        }
    };
    if ids.len() > REPLAYS {
        return Err(wrong(format!("these are more than {REPLAYS} runs; name fewer")));
    }
    ids.sort_unstable();
    ids.dedup();
    let version = fields.text("version")?;
    let (mut replayed, mut failures) = (0, Vec::new());
    for id in ids {
        match request.engine.replay(&id, version, None).await {
            Ok(_) => replayed += 1,
            Err(error) => {
                failures.push(json!({ "id": id, "code": error.code, "message": error.message }));
            }
        }
    }
    Ok(json!({ "replayed": replayed, "failures": failures }))
}

/// Which runs a body means.
#[derive(Debug, PartialEq)]
enum Meant {
    Ids(Vec<String>),
    Filter(Box<RunFilter>),
}

/// Never all of them.
fn meant(fields: &Fields) -> Result<Meant, HttpError> {
    let filter = RunFilter {
        steps: fields.typed("step")?.map(|step| vec![step]),
        kind: fields.read("kind", &KINDS.join(", "), |value| kind_of(value.as_str()?))?,
        status: fields
            .read("status", "succeeded, failed or cancelled", |value| status_of(value.as_str()?))?,
        since: fields.time("since")?,
        until: fields.time("until")?,
        ..RunFilter::default()
    };
    let ids = fields.read("ids", "a list of ids", |value| {
        value.as_array()?.iter().map(|id| id.as_str().map(str::to_owned)).collect()
    })?;
    match (ids, filter == RunFilter::default()) {
        (Some(ids), true) => Ok(Meant::Ids(ids)),
        (None, false) => Ok(Meant::Filter(Box::new(RunFilter { limit: REPLAYS + 1, ..filter }))),
        _ => Err(wrong("expected either `ids`, or some of step, kind, status, since and until")),
    }
}

fn cancel(request: &Request, id: &str) -> Result<Value, HttpError> {
    match request.engine.cancel_run(id) {
        true => Ok(json!({ "cancelled": true })),
        false => Err(missing(format!("run `{id}` that goes on"))),
    }
}

async fn replay(request: &Request, id: &str) -> Result<Value, HttpError> {
    let fields = request.fields(&["version", "input"])?;
    let input = fields.value("input").cloned();
    shown(&request.engine.replay(id, fields.text("version")?, input).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_run_again_only_if_they_are_named() {
        let meant = |body: Value| {
            let known = ["ids", "step", "kind", "status", "since", "until", "version"];
            meant(&Fields::of(body.as_object().unwrap(), &known).unwrap())
        };
        let ids = vec!["01a20580fb490003".to_owned()];
        assert_eq!(meant(json!({ "ids": ids })), Ok(Meant::Ids(ids.clone())));
        let failed = meant(json!({ "status": "failed", "since": 5 })).unwrap();
        assert!(matches!(failed, Meant::Filter(filter) if filter.since == Some(5)));
        let wrong = [
            json!({}),
            json!({ "version": "657d8f" }),
            json!({ "ids": ids, "step": "A" }),
            json!({ "ids": [1] }),
            json!({ "status": "lost" }),
        ];
        for wrong in wrong {
            assert_eq!(meant(wrong).unwrap_err().code, "invalid_request");
        }
    }
}
