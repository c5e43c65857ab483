//! Queues: how they are, and what is changed of them at run time.

use motia_engine::{Pause, QueueOverrides};
use motia_manifest::StepName;
use serde_json::{Map, Value, json};

use super::{
    Request,
    input::missing,
    output::{all_shown, list, shown},
};
use crate::{error::HttpError, time};

/// Why a queue is paused if nobody says.
const NO_REASON: &str = "no reason was given";

pub async fn answer(request: &Request, path: &[&str]) -> Result<Value, HttpError> {
    match (request.method(), path) {
        ("GET", []) => {
            request.parameters(&[])?;
            Ok(list(all_shown(&request.engine.queues().await?)?))
        }
        ("GET", [step]) => {
            request.parameters(&[])?;
            show(request, &StepName::from(*step)).await
        }
        ("PATCH", [step]) => edit(request, &StepName::from(*step)).await,
        ("POST", [step, "pause"]) => pause(request, &StepName::from(*step)).await,
        ("POST", [step, "resume"]) => resume(request, &StepName::from(*step)).await,
        (_, []) => Err(request.only(&["GET", "HEAD"])),
        (_, [_]) => Err(request.only(&["GET", "HEAD", "PATCH"])),
        (_, [_, "pause" | "resume"]) => Err(request.only(&["POST"])),
        _ => Err(request.unknown()),
    }
}

async fn show(request: &Request, step: &StepName) -> Result<Value, HttpError> {
    let queues = request.engine.queues().await?;
    let queue = queues.iter().find(|queue| queue.info.step == *step);
    shown(queue.ok_or_else(|| missing(format!("queue of a step `{step}`")))?)
}

/// What is not named stays; null takes a change back.
async fn edit(request: &Request, step: &StepName) -> Result<Value, HttpError> {
    request.engine.edit_queue(step, |settings| edited(settings, &request.body)).await?;
    show(request, step).await
}

fn edited(
    settings: QueueOverrides,
    changes: &Map<String, Value>,
) -> Result<QueueOverrides, HttpError> {
    let internal = |error| HttpError::internal("internal_error", error);
    let mut settings = serde_json::to_value(settings).map_err(internal)?;
    for (name, value) in changes {
        // By itself first: the error of all would not say which one is wrong.
        serde_json::from_value::<QueueOverrides>(json!({ name.as_str(): value })).map_err(
            |error| HttpError::bad_request("invalid_settings", format!("`{name}`: {error}")),
        )?;
        settings[name.as_str()] = value.clone();
    }
    serde_json::from_value(settings).map_err(internal)
}

async fn pause(request: &Request, step: &StepName) -> Result<Value, HttpError> {
    let fields = request.fields(&["reason"])?;
    let reason = fields.text("reason")?.unwrap_or(NO_REASON).to_owned();
    set_paused(request, step, Some(Pause { reason, since: time::now(), poison: None })).await
}

async fn resume(request: &Request, step: &StepName) -> Result<Value, HttpError> {
    request.fields(&[])?;
    set_paused(request, step, None).await
}

async fn set_paused(
    request: &Request,
    step: &StepName,
    paused: Option<Pause>,
) -> Result<Value, HttpError> {
    let change = |settings| Ok::<_, HttpError>(QueueOverrides { paused, ..settings });
    request.engine.edit_queue(step, change).await?;
    show(request, step).await
}
