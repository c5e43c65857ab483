//! Deliveries that are not done: what each waits for, and how to end them.

use motia_engine::DeliveryStatus;
use motia_store::{DeliveryFilter, DeliveryState};
use serde_json::{Value, json};

use super::{
    Request,
    input::{id, missing},
    output::{all_shown, page, shown},
};
use crate::error::HttpError;

const PARAMETERS: [&str; 6] = ["step", "state", "event", "traceId", "after", "limit"];

pub async fn answer(request: &Request, path: &[&str]) -> Result<Value, HttpError> {
    match (request.method(), path) {
        ("GET", []) => list(request).await,
        ("GET", [delivery]) => show(request, id(delivery, "a delivery")?).await,
        ("DELETE", [delivery]) => cancel(request, id(delivery, "a delivery")?).await,
        (_, []) => Err(request.only(&["GET", "HEAD"])),
        (_, [_]) => Err(request.only(&["GET", "HEAD", "DELETE"])),
        _ => Err(request.unknown()),
    }
}

/// Events have no list of their own; what waits of one can be taken back.
pub async fn answer_events(request: &Request, path: &[&str]) -> Result<Value, HttpError> {
    match (request.method(), path) {
        ("DELETE", [event]) => cancel_event(request, id(event, "an event")?).await,
        (_, [_]) => Err(request.only(&["DELETE"])),
        _ => Err(request.unknown()),
    }
}

async fn list(request: &Request) -> Result<Value, HttpError> {
    let parameters = request.parameters(&PARAMETERS)?;
    let limit = parameters.limit()?;
    let filter = DeliveryFilter {
        step: parameters.typed("step"),
        trace_id: parameters.typed("traceId"),
        state: parameters.read("state", STATES, state_of)?,
        event_id: parameters.id("event")?,
        after: parameters.id("after")?,
        limit: limit + 1,
    };
    let deliveries = request.engine.deliveries(filter).await?;
    Ok(page(all_shown(&deliveries)?, limit))
}

const STATES: &str = "ready, scheduled, retrying, throttled, parked or leased";

fn state_of(word: &str) -> Option<DeliveryState> {
    serde_json::from_value(Value::from(word)).ok()
}

async fn show(request: &Request, id: i64) -> Result<Value, HttpError> {
    request.parameters(&[])?;
    let after = Some(id.saturating_sub(1));
    let filter = DeliveryFilter { after, limit: 1, ..DeliveryFilter::default() };
    let found: Option<DeliveryStatus> = request.engine.deliveries(filter).await?.pop();
    let found = found.filter(|delivery| delivery.info.id == id);
    let gone = || missing(format!("delivery {id}; it may be done or a dead letter"));
    shown(&found.ok_or_else(gone)?)
}

async fn cancel(request: &Request, id: i64) -> Result<Value, HttpError> {
    match request.engine.cancel_delivery(id).await? {
        true => Ok(json!({ "cancelled": true })),
        false => Err(missing(format!("delivery {id}; it may be done or a dead letter"))),
    }
}

async fn cancel_event(request: &Request, id: i64) -> Result<Value, HttpError> {
    match request.engine.cancel_scheduled(id).await? {
        0 => Err(missing(format!("delivery of event {id} that nobody has attempted"))),
        cancelled => Ok(json!({ "cancelled": cancelled })),
    }
}
