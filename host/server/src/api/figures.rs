//! Figures: how much runs, ends and waits.

use serde_json::Value;

use super::{Request, output::shown};
use crate::error::HttpError;

pub async fn answer(request: &Request, path: &[&str]) -> Result<Value, HttpError> {
    match (request.method(), path) {
        ("GET", []) => {
            request.parameters(&[])?;
            shown(&request.engine.all_figures().await?)
        }
        (_, []) => Err(request.only(&["GET", "HEAD"])),
        _ => Err(request.unknown()),
    }
}
