//! What a run was called with, as JSON: to be looked at, and to be run again.

use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use motia_sandbox::{
    AuthRequest, Event, Part, Request, RequestBody, StateChange, StreamAction, StreamChange,
    SubscriptionRequest, Trigger,
};
use motia_store::{Delivery, EventKind};
use serde_json::{Value, json};

/// Headers whose values are secrets: kept nowhere. Browsers have no other way than the protocol to give
/// the token of a WebSocket.
const SECRET_HEADERS: [&str; 5] =
    ["authorization", "cookie", "proxy-authorization", "x-api-key", "sec-websocket-protocol"];

/// The word for a trigger.
pub fn kind(trigger: &Trigger) -> &'static str {
    match trigger {
        Trigger::Api(_) => "api",
        Trigger::Event(_) => "event",
        Trigger::Batch(_) => "batch",
        Trigger::Cron { .. } => "cron",
        Trigger::State(_) => "state",
        Trigger::Stream(_) => "stream",
        Trigger::Authenticate(_) => "authenticate",
        Trigger::CanAccess(_) => "canAccess",
        Trigger::Join(_) => "onJoin",
        Trigger::Leave(_) => "onLeave",
    }
}

/// The trigger of claimed deliveries: several are a batch.
pub fn trigger(deliveries: &[Delivery], batch: bool) -> Option<Trigger> {
    let [delivery, ..] = deliveries else { return None };
    if batch {
        return Some(Trigger::Batch(deliveries.iter().map(event).collect()));
    }
    match delivery.kind {
        EventKind::Event => Some(Trigger::Event(event(delivery))),
        EventKind::Cron => {
            let millis = delivery.data.parse().unwrap_or(0);
            Some(Trigger::Cron { scheduled_at: UNIX_EPOCH + Duration::from_millis(millis) })
        }
        EventKind::State => {
            let change: Value = serde_json::from_str(&delivery.data).ok()?;
            Some(Trigger::State(state_change(&change)))
        }
        EventKind::Stream => {
            let change: Value = serde_json::from_str(&delivery.data).ok()?;
            Some(Trigger::Stream(stream_change(&change)))
        }
    }
}

fn event(delivery: &Delivery) -> Event {
    let headers = delivery.headers.as_deref().and_then(|text| serde_json::from_str(text).ok());
    Event {
        id: delivery.event_id.to_string(),
        topic: delivery.topic.clone(),
        data: delivery.data.clone(),
        message_group_id: delivery.message_group_id.clone(),
        headers: headers.as_ref().map(pairs).unwrap_or_default(),
    }
}

fn text(value: &Value, field: &str) -> String {
    value[field].as_str().unwrap_or_default().to_owned()
}

fn state_change(change: &Value) -> StateChange {
    let value = |field: &str| (!change[field].is_null()).then(|| change[field].to_string());
    StateChange {
        group_id: text(change, "groupId"),
        key: text(change, "key"),
        old_value: value("oldValue"),
        new_value: value("newValue"),
    }
}

fn stream_change(change: &Value) -> StreamChange {
    StreamChange {
        stream_name: text(change, "streamName"),
        group_id: text(change, "groupId"),
        id: text(change, "id"),
        action: match change["action"].as_str() {
            Some("create") => StreamAction::Create,
            Some("delete") => StreamAction::Delete,
            _ => StreamAction::Update,
        },
        data: change["data"].to_string(),
    }
}

/// A trigger as JSON. Secrets in the headers of a request are left out.
pub fn of(trigger: &Trigger) -> String {
    match trigger {
        Trigger::Api(request) => request_json(request),
        Trigger::Event(event) => event_json(event),
        Trigger::Batch(events) => Value::Array(events.iter().map(event_json).collect()),
        Trigger::Cron { scheduled_at } => {
            let since = scheduled_at.duration_since(UNIX_EPOCH).unwrap_or_default();
            json!({ "scheduledAt": since.as_millis() as u64 })
        }
        Trigger::State(change) => json!({
            "groupId": change.group_id,
            "key": change.key,
            "oldValue": change.old_value.as_deref().map(parsed),
            "newValue": change.new_value.as_deref().map(parsed),
        }),
        Trigger::Stream(change) => json!({
            "streamName": change.stream_name,
            "groupId": change.group_id,
            "id": change.id,
            "action": match change.action {
                StreamAction::Create => "create",
                StreamAction::Update => "update",
                StreamAction::Delete => "delete",
            },
            "data": parsed(&change.data),
        }),
        Trigger::Authenticate(request) => auth_json(request),
        Trigger::CanAccess(request) | Trigger::Join(request) | Trigger::Leave(request) => {
            subscription_json(request)
        }
    }
    .to_string()
}

/// Without the query, in which clients give tokens too.
fn auth_json(AuthRequest { headers, url }: &AuthRequest) -> Value {
    let path = url.split('?').next().unwrap_or_default();
    json!({ "path": path, "headers": without_secrets(headers) })
}

fn subscription_json(request: &SubscriptionRequest) -> Value {
    json!({
        "streamName": request.stream_name,
        "groupId": request.group_id,
        "id": request.id,
        "context": request.context.as_deref().map(parsed),
    })
}

fn without_secrets(headers: &[(String, String)]) -> Vec<&(String, String)> {
    headers.iter().filter(|(name, _)| !SECRET_HEADERS.contains(&name.as_str())).collect()
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_default()
}

fn event_json(event: &Event) -> Value {
    json!({
        "id": event.id,
        "topic": event.topic,
        "data": parsed(&event.data),
        "messageGroupId": event.message_group_id,
        "headers": event.headers,
    })
}

fn request_json(request: &Request) -> Value {
    let headers = without_secrets(&request.headers);
    let (body, parts) = match &request.body {
        RequestBody::Empty => ("empty", Value::Null),
        RequestBody::Json => ("json", Value::Null),
        RequestBody::Text => ("text", Value::Null),
        RequestBody::Bytes => ("bytes", Value::Null),
        RequestBody::Form(fields) => ("form", parsed(fields)),
        RequestBody::Multipart(parts) => ("multipart", parts.iter().map(part_json).collect()),
    };
    json!({
        "method": request.method,
        "path": request.path,
        "pathParams": request.path_params,
        "queryParams": parsed(&request.query_params),
        "headers": headers,
        "body": body,
        "rawBody": bytes_json(&request.raw_body),
        "fields": parts,
    })
}

fn part_json(part: &Part) -> Value {
    json!({
        "name": part.name,
        "fileName": part.file_name,
        "contentType": part.content_type,
        "data": bytes_json(&part.data),
    })
}

/// Text as it is, anything else as a list of numbers.
fn bytes_json(bytes: &[u8]) -> Value {
    match std::str::from_utf8(bytes) {
        Ok(text) => Value::from(text),
        Err(_) => Value::from(bytes.to_vec()),
    }
}

/// The trigger that a recorded input stands for; none if it is not one.
pub fn read(kind: &str, input: &str) -> Option<Trigger> {
    let input: Value = serde_json::from_str(input).ok()?;
    Some(match kind {
        "api" => Trigger::Api(read_request(&input)),
        "event" => Trigger::Event(read_event(&input)),
        "batch" => Trigger::Batch(input.as_array()?.iter().map(read_event).collect()),
        "cron" => {
            let millis = input["scheduledAt"].as_u64()?;
            Trigger::Cron { scheduled_at: UNIX_EPOCH + Duration::from_millis(millis) }
        }
        "state" => Trigger::State(state_change(&input)),
        "stream" => Trigger::Stream(stream_change(&input)),
        _ => return None,
    })
}

fn read_event(event: &Value) -> Event {
    Event {
        id: text(event, "id"),
        topic: text(event, "topic"),
        data: event["data"].to_string(),
        message_group_id: event["messageGroupId"].as_str().map(str::to_owned),
        headers: pairs(&event["headers"]),
    }
}

fn read_request(request: &Value) -> Request {
    let body = match request["body"].as_str() {
        Some("json") => RequestBody::Json,
        Some("text") => RequestBody::Text,
        Some("bytes") => RequestBody::Bytes,
        Some("form") => RequestBody::Form(request["fields"].to_string()),
        Some("multipart") => RequestBody::Multipart(
            request["fields"].as_array().into_iter().flatten().map(read_part).collect(),
        ),
        _ => RequestBody::Empty,
    };
    Request {
        method: text(request, "method"),
        path: text(request, "path"),
        path_params: pairs(&request["pathParams"]),
        query_params: request["queryParams"].to_string(),
        headers: pairs(&request["headers"]),
        raw_body: read_bytes(&request["rawBody"]),
        body,
    }
}

fn read_part(part: &Value) -> Part {
    let optional = |field: &str| part[field].as_str().map(str::to_owned);
    Part {
        name: text(part, "name"),
        file_name: optional("fileName"),
        content_type: optional("contentType"),
        data: read_bytes(&part["data"]),
    }
}

fn read_bytes(value: &Value) -> Bytes {
    match value {
        Value::String(text) => Bytes::from(text.clone()),
        _ => serde_json::from_value::<Vec<u8>>(value.clone()).unwrap_or_default().into(),
    }
}

/// Names and values, from a list of pairs or an object.
fn pairs(value: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    match value {
        Value::Array(list) => list
            .iter()
            .filter_map(|pair| Some((text(pair.get(0)?)?, text(pair.get(1)?)?)))
            .collect(),
        Value::Object(fields) => {
            fields.iter().filter_map(|(name, value)| Some((name.clone(), text(value)?))).collect()
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn again(trigger: &Trigger) -> Trigger {
        read(kind(trigger), &of(trigger)).unwrap()
    }

    #[test]
    fn a_recorded_input_is_the_same_trigger_again() {
        let event = Event {
            id: "7".to_owned(),
            topic: "paid".to_owned(),
            data: r#"{"a":[1,null]}"#.to_owned(),
            message_group_id: Some("g".to_owned()),
            headers: vec![("a".to_owned(), "b".to_owned())],
        };
        let state = StateChange {
            group_id: "g".to_owned(),
            key: "k".to_owned(),
            old_value: None,
            new_value: Some("[1]".to_owned()),
        };
        let stream = StreamChange {
            stream_name: "s".to_owned(),
            group_id: "g".to_owned(),
            id: "1".to_owned(),
            action: StreamAction::Delete,
            data: "{}".to_owned(),
        };
        let cron = Trigger::Cron { scheduled_at: UNIX_EPOCH + Duration::from_secs(60) };
        let batch = Trigger::Batch(vec![event.clone(), event.clone()]);
        let triggers =
            [Trigger::Event(event), batch, cron, Trigger::State(state), Trigger::Stream(stream)];
        for trigger in triggers {
            assert_eq!(again(&trigger), trigger);
        }
    }

    #[test]
    fn a_recorded_arrival_has_no_token() {
        let header = |name: &str| (name.to_owned(), "token-1".to_owned());
        let request = AuthRequest {
            headers: vec![header("sec-websocket-protocol"), ("host".to_owned(), "a".to_owned())],
            url: "/b?authToken=token-1".to_owned(),
        };
        let recorded = of(&Trigger::Authenticate(request));
        assert_eq!(recorded, r#"{"path":"/b","headers":[["host","a"]]}"#);
        assert_eq!(read("authenticate", &recorded), None);
    }

    #[test]
    fn a_recorded_request_has_no_secrets() {
        let header = |name: &str| (name.to_owned(), "x".to_owned());
        let request = Request {
            method: "POST".to_owned(),
            path: "/a".to_owned(),
            path_params: vec![header("id")],
            query_params: r#"{"q":"1"}"#.to_owned(),
            headers: vec![header("authorization"), header("accept")],
            raw_body: Bytes::from_static(&[0xff, 1]),
            body: RequestBody::Bytes,
        };
        let Trigger::Api(read) = again(&Trigger::Api(request.clone())) else { panic!("a request") };
        assert_eq!(read, Request { headers: vec![header("accept")], ..request });
    }
}
