//! Pages of the Workbench that a project adds.

use serde_json::Value;

use super::{Request, output::list};
use crate::{error::HttpError, workbench::plugins};

pub async fn answer(request: &Request, path: &[&str]) -> Result<Value, HttpError> {
    match (request.method(), path) {
        ("GET", []) => {
            request.parameters(&[])?;
            let directory = request.about.plugins.clone();
            let found = tokio::task::spawn_blocking(move || {
                directory.as_deref().map(plugins::all).unwrap_or_default()
            });
            let found =
                found.await.map_err(|error| HttpError::internal("internal_error", error))?;
            Ok(list(found.iter().map(plugins::Plugin::shown).collect()))
        }
        (_, []) => Err(request.only(&["GET", "HEAD"])),
        _ => Err(request.unknown()),
    }
}
