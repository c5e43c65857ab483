//! Steps: what they are, their source, and what they may do.

use motia_engine::DeployedStep;
use motia_manifest::{Emit, StepKind, StepName};
use serde_json::{Value, json};

use super::{Request, input::missing, output::list};
use crate::error::HttpError;

/// A source that is longer is not shown.
const SOURCE_BYTES: u64 = 1 << 20;

pub async fn answer(request: &Request, path: &[&str]) -> Result<Value, HttpError> {
    match (request.method(), path) {
        ("GET", []) => {
            request.parameters(&[])?;
            let deployment = request.engine.deployment();
            Ok(list(deployment.steps().iter().map(summary).collect()))
        }
        ("GET", [step]) => {
            request.parameters(&[])?;
            show(request, step).await
        }
        (_, [] | [_]) => Err(request.only(&["GET", "HEAD"])),
        _ => Err(request.unknown()),
    }
}

/// What a graph and lists show of a step.
fn summary(deployed: &DeployedStep) -> Value {
    let (step, config) = (&deployed.step, &deployed.step.config);
    let mut json = json!({
        "name": config.name,
        "kind": config.kind.name(),
        "description": config.description,
        "flows": config.flows,
        "file": step.file,
        "language": step.language,
        "emits": emits(&config.emits),
        "virtualEmits": emits(&config.virtual_emits),
        "subscribes": [],
        "virtualSubscribes": config.virtual_subscribes,
        "atomic": config.atomic,
    });
    match &config.kind {
        StepKind::Api(api) => {
            json["method"] = json!(api.method);
            json["path"] = json!(api.path);
        }
        StepKind::Event(event) => json["subscribes"] = json!(event.subscribes),
        StepKind::Cron(cron) => {
            json["cron"] = json!(cron.cron);
            json["timezone"] = json!(cron.timezone);
        }
        StepKind::State(state) => {
            json["watches"] = json!({ "groupId": state.group_id, "key": state.key });
        }
        StepKind::Stream(stream) => {
            json["watches"] = json!({
                "streamName": stream.stream_name, "groupId": stream.group_id, "itemId": stream.item_id,
            });
        }
        StepKind::Noop => {}
    }
    json
}

fn emits(emits: &[Emit]) -> Vec<Value> {
    let emit = |emit: &Emit| json!({ "topic": emit.topic, "label": emit.label, "conditional": emit.conditional });
    emits.iter().map(emit).collect()
}

async fn show(request: &Request, name: &str) -> Result<Value, HttpError> {
    let deployment = request.engine.deployment();
    let index = deployment.index(&StepName::from(name));
    let index = index.ok_or_else(|| missing(format!("step `{name}`")))?;
    let deployed = deployment.step(index);
    let mut json = summary(deployed);
    let config = serde_json::to_value(&deployed.step.config)
        .map_err(|error| HttpError::internal("internal_error", error))?;
    let (body, responses, query, input) = match &deployed.step.config.kind {
        StepKind::Api(api) => {
            let responses = (!api.response_schema.is_empty()).then_some(&api.response_schema);
            (api.body_schema.as_ref(), responses, api.query_params.as_slice(), None)
        }
        StepKind::Event(event) => (None, None, [].as_slice(), event.input.as_ref()),
        _ => (None, None, [].as_slice(), None),
    };
    json["bodySchema"] = json!(body);
    json["responseSchema"] = json!(responses);
    json["queryParams"] = json!(query);
    json["input"] = json!(input);
    json["config"] = config;
    json["grants"] = grants(deployed);
    json["source"] = match request.source(&deployed.step.file).await {
        Some(text) => json!({ "text": text }),
        None => Value::Null,
    };
    Ok(json)
}

/// What a step may do and use.
fn grants(deployed: &DeployedStep) -> Value {
    let grants = deployed.grants();
    let limits = &grants.limits;
    let names: Vec<&str> = grants.environment.iter().map(|(name, _)| name.as_str()).collect();
    let files: Vec<&str> =
        deployed.step.included_files.iter().map(|file| file.name.as_str()).collect();
    json!({
        "environment": names,
        "outgoingHttp": match &grants.outgoing_http {
            motia_sandbox::OutgoingHttp::Open => json!("open"),
            motia_sandbox::OutgoingHttp::Listed(hosts) => {
                json!(hosts.iter().map(ToString::to_string).collect::<Vec<_>>())
            }
        },
        "includedFiles": files,
        "limits": {
            "memoryBytes": limits.memory,
            "cpuMs": limits.cpu.as_millis(),
            "wallClockMs": limits.wall_clock.as_millis(),
            "responseBytes": limits.response_bytes,
            "eventBytes": limits.event_bytes,
            "stateBytes": limits.state_bytes,
            "itemBytes": limits.item_bytes,
            "writes": limits.writes,
            "logRecords": limits.log_records,
            "outgoingConnections": limits.outgoing_connections,
            "outgoingTimeoutMs": limits.outgoing_timeout.as_millis(),
        },
    })
}

/// The text of a file of the project; none if it is too long or cannot be read.
pub async fn read_source(file: std::path::PathBuf) -> Option<String> {
    let read = move || {
        let length = std::fs::metadata(&file).ok()?.len();
        (length <= SOURCE_BYTES).then(|| std::fs::read_to_string(&file).ok()).flatten()
    };
    tokio::task::spawn_blocking(read).await.ok().flatten()
}
