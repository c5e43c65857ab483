//! What steps log.

use motia_store::{LogFilter, LogSeverity};
use serde_json::Value;

use super::{
    Request,
    output::{all_shown, page},
};
use crate::error::HttpError;

const PARAMETERS: [&str; 9] =
    ["level", "step", "traceId", "run", "search", "since", "until", "before", "limit"];

pub async fn answer(request: &Request, path: &[&str]) -> Result<Value, HttpError> {
    match (request.method(), path) {
        ("GET", []) => list(request).await,
        (_, []) => Err(request.only(&["GET", "HEAD"])),
        _ => Err(request.unknown()),
    }
}

async fn list(request: &Request) -> Result<Value, HttpError> {
    let parameters = request.parameters(&PARAMETERS)?;
    let limit = parameters.limit()?;
    let filter = LogFilter {
        tenant: request.engine.tenant().clone(),
        level: parameters.read("level", "debug, info, warn or error", level_of)?,
        step: parameters.typed("step"),
        trace_id: parameters.typed("traceId"),
        run: parameters.text("run").map(str::to_owned),
        search: parameters.text("search").map(str::to_owned),
        since: parameters.time("since")?,
        until: parameters.time("until")?,
        before: parameters.cursor("before")?,
        limit: limit + 1,
    };
    let logs = request.engine.logs(filter).await?;
    Ok(page(all_shown(&logs)?, limit))
}

fn level_of(word: &str) -> Option<LogSeverity> {
    serde_json::from_value(Value::from(word)).ok()
}
