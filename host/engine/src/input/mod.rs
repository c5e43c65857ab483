//! What a run was called with, as JSON: to be looked at, and to be run again.

use std::time::{Duration, UNIX_EPOCH};

use motia_sandbox::{
    AuthRequest, Event, Part, Request, RequestBody, StreamAction, SubscriptionRequest, Trigger,
};
use motia_store::{Delivery, EventKind};
use serde_json::{Value, json};

use read::Pairs;
pub use read::{faults, read};

mod read;

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
        EventKind::State => read("state", &delivery.data).ok(),
        EventKind::Stream => read("stream", &delivery.data).ok(),
    }
}

fn event(delivery: &Delivery) -> Event {
    let headers: Option<Pairs> =
        delivery.headers.as_deref().and_then(|text| serde_json::from_str(text).ok());
    Event {
        id: delivery.event_id.to_string(),
        topic: delivery.topic.clone(),
        data: delivery.data.clone(),
        message_group_id: delivery.message_group_id.clone(),
        headers: headers.unwrap_or_default().into(),
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

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use motia_sandbox::{StateChange, StreamChange};

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
        assert!(read("authenticate", &recorded).is_err());
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

    #[test]
    fn an_edited_input_says_what_is_wrong() {
        let wrong = [
            ("api", "5", "invalid type"),
            ("api", r#"{"method":"GET"}"#, "`path`"),
            ("api", r#"{"method":"GET","path":"/","bodyy":"json"}"#, "`bodyy`"),
            ("api", r#"{"method":"GET","path":"/","body":"json","rawBody":"{"}"#, "not JSON"),
            ("api", r#"{"method":"GET","path":"/","body":"form"}"#, "`fields`"),
            ("event", r#"{"id":"1","topic":"a"}"#, "`data`"),
            ("batch", "[]", "one event"),
            ("cron", r#"{"scheduledAt":"now"}"#, "expected u64"),
            ("state", "5", "invalid type"),
            (
                "stream",
                r#"{"streamName":"s","groupId":"g","id":"1","action":"explode","data":1}"#,
                "explode",
            ),
            ("onJoin", "{}", "only what a step has run"),
        ];
        for (kind, input, expected) in wrong {
            let why = read(kind, input).unwrap_err();
            assert!(why.contains(expected), "{kind} {input}: {why}");
        }
    }
}
