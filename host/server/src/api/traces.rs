//! Traces: everything that one request or tick has caused.

use std::collections::HashMap;

use motia_engine::w3c_trace_id;
use motia_manifest::TraceId;
use motia_store::{DeliveryFilter, Run, RunStatus};
use serde_json::{Value, json};

use super::{
    Request,
    input::missing,
    output::{all_shown, shown},
};
use crate::error::HttpError;

/// So many runs of a trace are shown.
const RUNS: usize = 10_000;
/// And so many deliveries that wait.
const WAITING: usize = 1_000;

pub async fn answer(request: &Request, path: &[&str]) -> Result<Value, HttpError> {
    match (request.method(), path) {
        ("GET", [trace]) => show(request, &TraceId::from(*trace)).await,
        ("GET", [trace, "spans"]) => spans(request, TraceId::from(*trace)).await,
        (_, [_] | [_, "spans"]) => Err(request.only(&["GET", "HEAD"])),
        _ => Err(request.unknown()),
    }
}

async fn show(request: &Request, trace_id: &TraceId) -> Result<Value, HttpError> {
    request.parameters(&[])?;
    let engine = &request.engine;
    // What waits before what runs before what has ended, so that nothing falls between.
    let filter = DeliveryFilter {
        trace_id: Some(trace_id.clone()),
        limit: WAITING,
        ..DeliveryFilter::default()
    };
    let waiting = engine.deliveries(filter).await?;
    let running = engine.running().into_iter().filter(|run| run.trace_id == *trace_id);
    let running: Vec<_> = running.collect();
    engine.flush_telemetry().await;
    let runs = engine.trace(trace_id.clone(), RUNS).await?;
    if runs.is_empty() && running.is_empty() && waiting.is_empty() {
        return Err(missing(format!("trace `{trace_id}`")));
    }
    let begins = runs.iter().map(|run| run.queued_at);
    let started_at = begins.chain(running.iter().map(|run| run.started_at)).min();
    let goes_on = !running.is_empty() || !waiting.is_empty();
    let status = if goes_on { "running" } else { status(&runs) };
    let ended_at = runs.iter().map(|run| run.ended_at).max().filter(|_| !goes_on);
    Ok(json!({
        "traceId": trace_id,
        "w3cTraceId": w3c_trace_id(trace_id),
        "status": status,
        "startedAt": started_at,
        "endedAt": ended_at,
        "runs": all_shown(&runs)?,
        "running": all_shown(&running)?,
        "waiting": all_shown(&waiting)?,
    }))
}

/// A trace has failed if one of its invocations has never succeeded.
fn status(runs: &[Run]) -> &'static str {
    let mut succeeded: HashMap<&str, bool> = HashMap::new();
    for run in runs {
        *succeeded.entry(&run.invocation_id).or_default() |= run.status == RunStatus::Succeeded;
    }
    if succeeded.values().all(|succeeded| *succeeded) { "succeeded" } else { "failed" }
}

async fn spans(request: &Request, trace_id: TraceId) -> Result<Value, HttpError> {
    let parameters = request.parameters(&["after", "limit"])?;
    let limit = super::runs::span_limit(&parameters)?;
    let after = parameters.read("after", "a page's `next`", |cursor| {
        let (run, index) = cursor.split_once('/')?;
        Some((run.to_owned(), index.parse().ok()?))
    })?;
    let spans = request.engine.trace_spans(trace_id, after, limit + 1).await?;
    let more = spans.len() > limit;
    let mut items = Vec::with_capacity(spans.len());
    for (run, index, span) in spans.iter().take(limit) {
        let mut json = shown(span)?;
        json["run"] = json!(run);
        json["index"] = json!(index);
        items.push(json);
    }
    let last = spans.get(limit.wrapping_sub(1)).filter(|_| more);
    let next = last.map(|(run, index, _)| format!("{run}/{index}"));
    Ok(json!({ "items": items, "next": next }))
}
