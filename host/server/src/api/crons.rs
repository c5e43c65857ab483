//! Cron steps.

use motia_manifest::StepName;
use serde_json::{Value, json};

use super::{
    Request,
    output::{all_shown, list},
};
use crate::error::HttpError;

/// How many of the next ticks are told unless the client says so, and at most.
const NEXT: usize = 5;
const MOST_NEXT: usize = 100;

pub async fn answer(request: &Request, path: &[&str]) -> Result<Value, HttpError> {
    match (request.method(), path) {
        ("GET", []) => show(request).await,
        ("POST", [step, "run"]) => run(request, &StepName::from(*step)).await,
        (_, []) => Err(request.only(&["GET", "HEAD"])),
        (_, [_, "run"]) => Err(request.only(&["POST"])),
        _ => Err(request.unknown()),
    }
}

async fn show(request: &Request) -> Result<Value, HttpError> {
    let parameters = request.parameters(&["next"])?;
    let next = parameters.read("next", "a number from 0 to 100", |text| {
        text.parse::<usize>().ok().filter(|next| *next <= MOST_NEXT)
    })?;
    let crons = request.engine.crons(next.unwrap_or(NEXT)).await?;
    Ok(list(all_shown(&crons)?))
}

async fn run(request: &Request, step: &StepName) -> Result<Value, HttpError> {
    request.fields(&[])?;
    let event = request.engine.run_cron(step).await?;
    Ok(json!({ "eventId": event.to_string() }))
}
