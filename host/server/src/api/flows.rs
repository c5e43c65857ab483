//! Flows: their graphs, and where people have put the nodes.
//!
//! Positions are in the project's `motia-workbench.json`, in the form that Motia's own Workbench writes: a list with an
//! entry for each flow, its nodes by file.

use std::{io, path::Path};

use http::StatusCode;
use motia_engine::{Deployment, Flow};
use serde_json::{Map, Value, json};

use super::{Request, input, input::missing, output::list};
use crate::error::HttpError;

const FILE: &str = "motia-workbench.json";

/// Where edges leave and reach a node.
const HANDLES: [(&str, [&str; 2]); 2] =
    [("sourceHandlePosition", ["bottom", "right"]), ("targetHandlePosition", ["top", "left"])];
/// What is kept of a node.
const FIELDS: [&str; 4] = ["x", "y", "sourceHandlePosition", "targetHandlePosition"];

pub async fn answer(request: &Request, path: &[&str]) -> Result<Value, HttpError> {
    match (request.method(), path) {
        ("GET", []) => {
            request.parameters(&[])?;
            let positions = positions(request).await?;
            let deployment = request.engine.deployment();
            let flows = deployment.flows();
            Ok(list(flows.iter().map(|flow| shown(&deployment, flow, &positions)).collect()))
        }
        ("PUT", [flow, "positions"]) => place(request, flow).await,
        (_, []) => Err(request.only(&["GET", "HEAD"])),
        (_, [_, "positions"]) => Err(request.only(&["PUT"])),
        _ => Err(request.unknown()),
    }
}

fn shown(deployment: &Deployment, flow: &Flow, entries: &[Value]) -> Value {
    let entry = entries.iter().find(|entry| entry["id"] == flow.name.as_str());
    let known = entry.and_then(|entry| entry["config"].as_object());
    let mut positions = Map::new();
    for deployed in deployment.steps() {
        let name = &deployed.step.config.name;
        let position = known.and_then(|known| known.get(&deployed.step.file));
        if let Some(position) = position.filter(|_| flow.steps.contains(name)) {
            positions.insert(name.clone(), position.clone());
        }
    }
    json!({ "name": flow.name, "steps": flow.steps, "edges": flow.edges, "positions": positions })
}

async fn positions(request: &Request) -> Result<Vec<Value>, HttpError> {
    match request.project_file(FILE) {
        Some(file) => blocking(move || read(&file)).await,
        None => Ok(Vec::new()),
    }
}

/// Keeps where nodes are; those that are not named stay where they were.
async fn place(request: &Request, name: &str) -> Result<Value, HttpError> {
    let Some(file) = request.project_file(FILE) else {
        return Err(HttpError::new(
            StatusCode::CONFLICT,
            "not_in_serve",
            "positions are kept in the project; `motia dev` does it",
        ));
    };
    let deployment = request.engine.deployment();
    let flow = deployment.flows().into_iter().find(|flow| flow.name == name);
    let flow = flow.ok_or_else(|| missing(format!("flow `{name}`")))?;
    let fields = request.fields(&["positions"])?;
    let given = fields.value("positions").and_then(Value::as_object);
    let given =
        given.ok_or_else(|| input::wrong("`positions` is missing; expected an object by step"))?;
    let mut placed = Map::new();
    for (step, position) in given {
        let file = deployment.steps().iter().find(|deployed| deployed.step.config.name == *step);
        let file = file.map(|deployed| deployed.step.file.clone());
        let file = file.ok_or_else(|| missing(format!("step `{step}`")))?;
        placed.insert(file, checked(step, position)?);
    }
    let _edits = request.edits.lock().await;
    let id = name.to_owned();
    let entries = blocking(move || {
        let mut entries = read(&file)?;
        merge(&mut entries, &id, placed);
        write(&file, &entries)?;
        Ok(entries)
    })
    .await?;
    Ok(shown(&deployment, &flow, &entries))
}

fn checked(step: &str, position: &Value) -> Result<Value, HttpError> {
    let wrong = |what: &str| Err(input::wrong(format!("positions.{step}: {what}")));
    let Some(fields) = position.as_object() else { return wrong("is not an object") };
    if !position["x"].is_number() || !position["y"].is_number() {
        return wrong("`x` and `y` are numbers");
    }
    for (name, sides) in HANDLES {
        let is_side = |side: &Value| side.as_str().is_some_and(|side| sides.contains(&side));
        if fields.get(name).is_some_and(|side| !is_side(side)) {
            return wrong(&format!("`{name}` is {}", sides.join(" or ")));
        }
    }
    match fields.keys().find(|name| !FIELDS.contains(&name.as_str())) {
        Some(name) => wrong(&format!("`{name}` is unknown; there are {}", FIELDS.join(", "))),
        None => Ok(position.clone()),
    }
}

fn merge(entries: &mut Vec<Value>, flow: &str, placed: Map<String, Value>) {
    let entry = match entries.iter_mut().position(|entry| entry["id"] == flow) {
        Some(at) => &mut entries[at],
        None => {
            entries.push(json!({ "id": flow, "config": {} }));
            let last = entries.len() - 1;
            &mut entries[last]
        }
    };
    if !entry["config"].is_object() {
        entry["config"] = json!({});
    }
    for (file, position) in placed {
        entry["config"][file] = position;
    }
}

fn read(file: &Path) -> Result<Vec<Value>, HttpError> {
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(unreadable(file, &error.to_string())),
    };
    match serde_json::from_str(&text) {
        Ok(Value::Array(entries)) => Ok(entries),
        Ok(_) => Err(unreadable(file, "it is not a list of flows")),
        Err(error) => Err(unreadable(file, &error.to_string())),
    }
}

/// Writes a new file and puts it in the place of the old one.
fn write(file: &Path, entries: &[Value]) -> Result<(), HttpError> {
    let text = serde_json::to_string_pretty(entries)
        .map_err(|error| HttpError::internal("internal_error", error))?;
    let new = file.with_extension("json.new");
    let written = std::fs::write(&new, text + "\n").and_then(|()| std::fs::rename(&new, file));
    written.map_err(|error| unreadable(file, &error.to_string()))
}

fn unreadable(file: &Path, why: &str) -> HttpError {
    let message =
        format!("{}: {why}; mend it, or delete it to place all nodes anew", file.display());
    HttpError::new(StatusCode::CONFLICT, "positions_unreadable", message)
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, HttpError> + Send + 'static,
) -> Result<T, HttpError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(HttpError::internal("internal_error", error)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_flows_and_nodes_are_kept() {
        let mut entries = vec![
            json!({ "id": "other", "config": { "a": { "x": 1, "y": 2 } } }),
            json!({ "id": "mine", "config": { "b": { "x": 3, "y": 4 } }, "more": true }),
        ];
        let placed = json!({ "c": { "x": 5, "y": 6 } });
        merge(&mut entries, "mine", placed.as_object().unwrap().clone());
        merge(&mut entries, "new", placed.as_object().unwrap().clone());
        assert_eq!(entries[0]["config"]["a"]["x"], 1);
        assert_eq!(
            entries[1],
            json!({
                "id": "mine", "config": { "b": { "x": 3, "y": 4 }, "c": { "x": 5, "y": 6 } }, "more": true,
            })
        );
        assert_eq!(entries[2]["id"], "new");
    }

    #[test]
    fn a_broken_file_is_named_and_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join(FILE);
        assert_eq!(read(&file).unwrap(), Vec::<Value>::new());
        std::fs::write(&file, "{").unwrap();
        let error = read(&file).unwrap_err();
        assert!(error.code == "positions_unreadable" && error.message.contains(FILE));
        write(&file, &[json!({ "id": "f" })]).unwrap();
        assert_eq!(read(&file).unwrap(), [json!({ "id": "f" })]);
    }

    #[test]
    fn a_position_has_two_numbers() {
        assert!(
            checked("A", &json!({ "x": 1, "y": 2.5, "sourceHandlePosition": "right" })).is_ok()
        );
        for wrong in [json!(1), json!({ "x": 1 }), json!({ "x": 1, "y": 2, "z": 3 })] {
            assert_eq!(checked("A", &wrong).unwrap_err().status, StatusCode::BAD_REQUEST);
        }
    }
}
