//! Recorded inputs, as the triggers that they were. People edit them, so everything is checked.

use std::{
    collections::BTreeMap,
    time::{Duration, UNIX_EPOCH},
};

use bytes::Bytes;
use motia_sandbox::{
    Event, Part, Request, RequestBody, StateChange, StreamAction, StreamChange, Trigger,
};
use serde::{
    Deserialize,
    de::{DeserializeOwned, IgnoredAny},
};
use serde_json::{Map, Value};

use crate::{
    deployment::DeployedStep,
    schema::{self, Schema},
};

/// A recorded event.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct EventInput {
    id: String,
    topic: String,
    data: Value,
    message_group_id: Option<String>,
    #[serde(default)]
    headers: Pairs,
}

/// A recorded request.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RequestInput {
    method: String,
    path: String,
    #[serde(default)]
    path_params: Pairs,
    #[serde(default)]
    query_params: Map<String, Value>,
    #[serde(default)]
    headers: Pairs,
    #[serde(default)]
    body: BodyKind,
    #[serde(default)]
    raw_body: RawBytes,
    #[serde(default)]
    fields: Value,
}

/// What the body of a recorded request is.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
enum BodyKind {
    #[default]
    Empty,
    Json,
    Text,
    Bytes,
    Form,
    Multipart,
}

/// A recorded part of a multipart body.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PartInput {
    name: String,
    file_name: Option<String>,
    content_type: Option<String>,
    data: RawBytes,
}

/// A recorded tick.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct TickInput {
    scheduled_at: u64,
}

/// A recorded change of state.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct StateInput {
    group_id: String,
    key: String,
    old_value: Option<Value>,
    new_value: Option<Value>,
}

/// A recorded change of a stream.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct StreamInput {
    stream_name: String,
    group_id: String,
    id: String,
    action: ActionInput,
    data: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
enum ActionInput {
    Create,
    Update,
    Delete,
}

/// Names and values: a list of pairs, or an object.
#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "expected names and values: a list of pairs of strings, or an object of strings"
)]
pub(super) enum Pairs {
    List(Vec<(String, String)>),
    Object(BTreeMap<String, String>),
}

impl Default for Pairs {
    fn default() -> Self {
        Self::List(Vec::new())
    }
}

impl From<Pairs> for Vec<(String, String)> {
    fn from(pairs: Pairs) -> Self {
        match pairs {
            Pairs::List(list) => list,
            Pairs::Object(fields) => fields.into_iter().collect(),
        }
    }
}

/// Text as it is, anything else as a list of numbers.
#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a string, or a list of bytes")]
enum RawBytes {
    Text(String),
    Bytes(Vec<u8>),
}

impl Default for RawBytes {
    fn default() -> Self {
        Self::Text(String::new())
    }
}

impl From<RawBytes> for Bytes {
    fn from(bytes: RawBytes) -> Self {
        match bytes {
            RawBytes::Text(text) => text.into(),
            RawBytes::Bytes(bytes) => bytes.into(),
        }
    }
}

/// The trigger that a recorded input stands for.
///
/// # Errors
/// Says what is wrong with it.
pub fn read(kind: &str, input: &str) -> Result<Trigger, String> {
    // By way of a value, so that errors name no line of what has none.
    fn of<T: DeserializeOwned>(input: Value) -> Result<T, String> {
        serde_json::from_value(input).map_err(|error| error.to_string())
    }
    let input: Value = serde_json::from_str(input).map_err(|error| error.to_string())?;
    Ok(match kind {
        "api" => Trigger::Api(request_of(of(input)?)?),
        "event" => Trigger::Event(event_of(of(input)?)),
        "batch" => {
            let events: Vec<EventInput> = of(input)?;
            if events.is_empty() {
                return Err("a batch has one event at least".to_owned());
            }
            Trigger::Batch(events.into_iter().map(event_of).collect())
        }
        "cron" => {
            let TickInput { scheduled_at } = of(input)?;
            Trigger::Cron { scheduled_at: UNIX_EPOCH + Duration::from_millis(scheduled_at) }
        }
        "state" => {
            let StateInput { group_id, key, old_value, new_value } = of(input)?;
            let text = |value: Option<Value>| value.map(|value| value.to_string());
            let (old_value, new_value) = (text(old_value), text(new_value));
            Trigger::State(StateChange { group_id, key, old_value, new_value })
        }
        "stream" => {
            let StreamInput { stream_name, group_id, id, action, data } = of(input)?;
            let action = match action {
                ActionInput::Create => StreamAction::Create,
                ActionInput::Update => StreamAction::Update,
                ActionInput::Delete => StreamAction::Delete,
            };
            Trigger::Stream(StreamChange {
                stream_name,
                group_id,
                id,
                action,
                data: data.to_string(),
            })
        }
        _ => return Err("only what a step has run can be run again".to_owned()),
    })
}

fn event_of(input: EventInput) -> Event {
    Event {
        id: input.id,
        topic: input.topic,
        data: input.data.to_string(),
        message_group_id: input.message_group_id,
        headers: input.headers.into(),
    }
}

fn request_of(input: RequestInput) -> Result<Request, String> {
    let raw_body = Bytes::from(input.raw_body);
    let is_json = || serde_json::from_slice::<IgnoredAny>(&raw_body).map(|_| ());
    let body = match input.body {
        BodyKind::Empty => RequestBody::Empty,
        BodyKind::Json => {
            is_json().map_err(|error| format!("`rawBody` is not JSON, as `body` says: {error}"))?;
            RequestBody::Json
        }
        BodyKind::Text => RequestBody::Text,
        BodyKind::Bytes => RequestBody::Bytes,
        BodyKind::Form if input.fields.is_object() => RequestBody::Form(input.fields.to_string()),
        BodyKind::Form => return Err("`fields` of a form is an object".to_owned()),
        BodyKind::Multipart => {
            let parts: Vec<PartInput> = serde_json::from_value(input.fields)
                .map_err(|error| format!("`fields` of a multipart body: {error}"))?;
            RequestBody::Multipart(parts.into_iter().map(part_of).collect())
        }
    };
    Ok(Request {
        method: input.method,
        path: input.path,
        path_params: input.path_params.into(),
        query_params: Value::Object(input.query_params).to_string(),
        headers: input.headers.into(),
        raw_body,
        body,
    })
}

fn part_of(PartInput { name, file_name, content_type, data }: PartInput) -> Part {
    Part { name, file_name, content_type, data: data.into() }
}

/// What is wrong by the step's schema with a trigger of its kind: for what a request or a delivery is checked as well.
pub fn faults(step: &DeployedStep, trigger: &Trigger) -> Option<String> {
    let of = |schema: &Schema, text: &[u8]| {
        let value: Value = serde_json::from_slice(text).unwrap_or_default();
        let faults = schema.check(&value);
        (!faults.is_empty()).then(|| schema::sentence(&faults))
    };
    match trigger {
        Trigger::Api(request) => {
            let schema = step.body_schema()?;
            match &request.body {
                RequestBody::Empty if ["GET", "HEAD"].contains(&request.method.as_str()) => None,
                RequestBody::Json => of(schema, &request.raw_body),
                RequestBody::Form(fields) => of(schema, fields.as_bytes()),
                _ => of(schema, b"null"),
            }
        }
        Trigger::Event(event) => of(step.input_schema()?, event.data.as_bytes()),
        Trigger::Batch(events) => {
            let schema = step.input_schema()?;
            events.iter().find_map(|event| of(schema, event.data.as_bytes()))
        }
        _ => None,
    }
}
