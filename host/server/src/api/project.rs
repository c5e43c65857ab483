//! The project as a whole: what serves, and how the last build ended.

use motia_engine::Engine;
use serde_json::{Value, json};

use super::{About, Request, access::Role};
use crate::{
    dev::{BuildStatus, build_json},
    error::HttpError,
};

pub async fn answer(request: &Request, path: &[&str]) -> Result<Value, HttpError> {
    match (request.method(), path) {
        ("GET", []) => {
            request.parameters(&[])?;
            Ok(shown(&request.engine, &request.about, request.role))
        }
        (_, []) => Err(request.only(&["GET", "HEAD"])),
        _ => Err(request.unknown()),
    }
}

/// The project as somebody with a role sees it.
pub fn shown(engine: &Engine, about: &About, role: Role) -> Value {
    let serving = engine.deployment().digest().clone();
    let versions: Vec<Value> = engine
        .versions()
        .iter()
        .map(|digest| json!({ "deployment": digest, "serving": *digest == serving }))
        .collect();
    json!({
        "name": about.name,
        "version": env!("CARGO_PKG_VERSION"),
        "mode": if about.build.is_some() { "dev" } else { "serve" },
        "tenant": engine.tenant(),
        "deployment": serving,
        "role": role.name(),
        "startedAt": engine.started_at(),
        "build": about.build.as_ref().map(|status| build(&status.borrow())),
        "versions": versions,
    })
}

/// A build with the same fields however it ended.
fn build(status: &BuildStatus) -> Value {
    let mut json = json!({ "state": null, "ms": null, "rebuilt": [], "errors": [] });
    if let (Value::Object(all), Value::Object(known)) = (&mut json, build_json(status)) {
        all.extend(known);
    }
    json
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_has_all_fields_in_every_state() {
        let good = build(&BuildStatus::Good { ms: 3, rebuilt: Vec::new() });
        assert_eq!(good, json!({ "state": "good", "ms": 3, "rebuilt": [], "errors": [] }));
        let building = build(&BuildStatus::Building);
        assert_eq!((&building["ms"], &building["errors"]), (&Value::Null, &json!([])));
    }
}
