//! Runs: those that go on, those that have ended, and how to run one again.

use motia_store::{RunFilter, RunStatus};
use serde_json::{Value, json};

use super::{
    Request,
    input::missing,
    output::{self, all_shown, page, parsed, shown},
};
use crate::error::HttpError;

const PARAMETERS: [&str; 7] = ["step", "status", "traceId", "since", "until", "before", "limit"];

pub async fn answer(request: &Request, path: &[&str]) -> Result<Value, HttpError> {
    match (request.method(), path) {
        ("GET", []) => list(request).await,
        ("GET", ["running"]) => {
            request.parameters(&[])?;
            Ok(output::list(all_shown(&request.engine.running())?))
        }
        ("GET", [run]) => show(request, run).await,
        ("DELETE", [run]) => cancel(request, run),
        ("POST", [run, "replay"]) => replay(request, run).await,
        (_, [] | ["running"]) => Err(request.only(&["GET", "HEAD"])),
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
        step: parameters.typed("step"),
        status: parameters.read("status", "succeeded, failed or cancelled", status_of)?,
        trace_id: parameters.typed("traceId"),
        since: parameters.time("since")?,
        until: parameters.time("until")?,
        before: parameters.typed("before"),
        limit: limit + 1,
    };
    let runs = request.engine.runs(filter).await?;
    Ok(page(all_shown(&runs)?, limit))
}

fn status_of(word: &str) -> Option<RunStatus> {
    serde_json::from_value(Value::from(word)).ok()
}

async fn show(request: &Request, id: &str) -> Result<Value, HttpError> {
    request.parameters(&[])?;
    let run = request.engine.run(id).await?;
    let run = run.ok_or_else(|| missing(format!("run `{id}` that has ended")))?;
    let mut json = shown(&run)?;
    json["input"] = run.input.as_deref().map_or(Value::Null, parsed);
    Ok(json)
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
