//! What clients say, and the errors that they are told; the frames of changes come from the engine.

use bytes::Bytes;
use motia_engine::{CallError, Join};
use serde::Deserialize;
use serde_json::{Value, error::Category, json};

use crate::{
    error::{Exposure, HttpError},
    time,
};

/// How many bytes a name in a message may have.
const NAME_BYTES: usize = 1024;

const EXPECTED: &str = "expected is {\"type\":\"join\"|\"leave\",\"data\":{\"streamName\",\"groupId\",\"id\"?,\
                        \"subscriptionId\"?,\"since\"?}} or {\"type\":\"send\",\"data\":{\"streamName\",\"groupId\",\"id\"?,\
                        \"event\":{\"type\",\"data\"}}}";

/// What a client asks for.
#[derive(Debug, PartialEq, Eq)]
pub enum ClientMessage {
    /// To follow a group or an item.
    Join(Join),
    /// To end that.
    Leave(Join),
    /// To tell something to those who follow.
    Send(Join, SentData),
}

/// What a client sends.
#[derive(Debug, PartialEq, Eq, Deserialize)]
pub struct SentData {
    /// What kind of event it is.
    #[serde(rename = "type")]
    pub event_type: String,
    /// Its data.
    #[serde(default)]
    pub data: Value,
}

/// Why a message is not understood.
#[derive(Debug, PartialEq, Eq)]
pub struct Malformed {
    /// For the client's developer.
    pub message: String,
    /// Whether it is not even JSON: whoever sends it speaks another protocol.
    pub ends: bool,
}

#[derive(Deserialize)]
#[serde(tag = "type", content = "data", rename_all = "lowercase")]
enum Message {
    Join(Subscription),
    Leave(Subscription),
    Send(Sending),
}

#[derive(Deserialize)]
struct Sending {
    #[serde(flatten)]
    subscription: Subscription,
    event: SentData,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Subscription {
    stream_name: String,
    group_id: String,
    id: Option<String>,
    #[serde(default)]
    subscription_id: String,
    since: Option<i64>,
}

/// Reads a message.
pub fn parse(text: &str) -> Result<ClientMessage, Malformed> {
    let message = serde_json::from_str(text).map_err(|error| {
        let ends = !matches!(error.classify(), Category::Data);
        let what = if ends { "the message is not JSON" } else { "the message is not understood" };
        Malformed { message: format!("{what}: {error}; {EXPECTED}"), ends }
    })?;
    match message {
        Message::Join(subscription) => subscription.into_join().map(ClientMessage::Join),
        Message::Leave(subscription) => subscription.into_join().map(ClientMessage::Leave),
        Message::Send(Sending { subscription, event }) => {
            subscription.into_join().map(|join| ClientMessage::Send(join, event))
        }
    }
}

impl Subscription {
    fn into_join(self) -> Result<Join, Malformed> {
        let join = Join {
            stream: self.stream_name,
            group: self.group_id,
            // As the clients have it, an empty id is none.
            id: self.id.filter(|id| !id.is_empty()),
            subscription: self.subscription_id,
            since: self.since,
        };
        let id = join.id.as_deref().unwrap_or_default();
        let named = [
            ("streamName", join.stream.as_str()),
            ("groupId", &join.group),
            ("id", id),
            ("subscriptionId", &join.subscription),
        ];
        let too_long = named.iter().find(|(_, name)| name.len() > NAME_BYTES);
        let fault = too_long.map(|(field, name)| {
            let bytes = name.len();
            format!("`{field}` has {bytes} bytes; at most {NAME_BYTES} are allowed")
        });
        match fault {
            None => Ok(join),
            Some(message) => Err(Malformed { message, ends: false }),
        }
    }
}

/// A frame that says why a client does not follow something, or has not sent it.
pub fn refused(join: &Join, error: CallError, otherwise: &str, exposure: Exposure) -> Bytes {
    let code = match error.code {
        "access_denied" => "STREAM_ACCESS_DENIED",
        "unknown_stream" => "STREAM_NOT_FOUND",
        _ => otherwise,
    };
    let error = HttpError::from(error);
    let message = match (exposure, error.cause) {
        (Exposure::Developer, Some(cause)) => cause.message,
        _ => error.message,
    };
    error_frame(Some(join), code, &message)
}

/// A frame with an error: an event of the type `error`, which `onEvent` of the clients gets.
pub fn error_frame(join: Option<&Join>, code: &str, message: &str) -> Bytes {
    let mut frame = json!({ "timestamp": time::now() });
    if let Some(join) = join {
        frame["streamName"] = Value::from(join.stream.as_str());
        frame["groupId"] = Value::from(join.group.as_str());
        if let Some(id) = &join.id {
            frame["id"] = Value::from(id.as_str());
        }
    }
    let error = json!({ "type": "error", "data": { "code": code, "message": message } });
    frame["event"] = json!({ "type": "event", "event": error });
    Bytes::from(frame.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn join(id: Option<&str>, subscription: &str, since: Option<i64>) -> Join {
        Join {
            stream: "todos".to_owned(),
            group: "g".to_owned(),
            id: id.map(str::to_owned),
            subscription: subscription.to_owned(),
            since,
        }
    }

    #[test]
    fn joins_and_leaves_are_read() {
        let text = r#"{"type":"join","data":{"streamName":"todos","groupId":"g","id":"1","subscriptionId":"s","since":4}}"#;
        assert_eq!(parse(text), Ok(ClientMessage::Join(join(Some("1"), "s", Some(4)))));
        // The fields in another order, others beside them, `null` as browsers write what is not there.
        let text =
            r#"{"data":{"groupId":"g","id":null,"streamName":"todos","more":1},"type":"leave"}"#;
        assert_eq!(parse(text), Ok(ClientMessage::Leave(join(None, "", None))));
        let text = r#"{"type":"send","data":{"streamName":"todos","groupId":"g","event":{"type":"t","data":[1]}}}"#;
        let sent = SentData { event_type: "t".to_owned(), data: json!([1]) };
        assert_eq!(parse(text), Ok(ClientMessage::Send(join(None, "", None), sent)));
        let text = r#"{"type":"join","data":{"streamName":"todos","groupId":"g","id":""}}"#;
        assert_eq!(parse(text), Ok(ClientMessage::Join(join(None, "", None))));
    }

    #[test]
    fn only_what_is_no_json_ends_the_connection() {
        let malformed = |text: &str| parse(text).unwrap_err();
        for text in ["", "ping", "{\"type\":\"join\"", "\u{1}"] {
            let found = malformed(text);
            assert!(found.ends && found.message.contains("not JSON"), "{text}: {found:?}");
        }
        for text in [
            "1",
            "[]",
            "{}",
            r#"{"type":"shout","data":{}}"#,
            r#"{"type":"join"}"#,
            r#"{"type":"join","data":{"streamName":"todos"}}"#,
            r#"{"type":"join","data":{"streamName":1,"groupId":"g"}}"#,
        ] {
            let found = malformed(text);
            assert!(!found.ends && found.message.contains(EXPECTED), "{text}: {found:?}");
        }
        let long = "g".repeat(NAME_BYTES + 1);
        let found = malformed(&format!(
            r#"{{"type":"join","data":{{"streamName":"todos","groupId":"{long}"}}}}"#
        ));
        assert!(!found.ends && found.message.contains("`groupId` has 1025 bytes"), "{found:?}");
    }

    #[test]
    fn a_refusal_has_a_code_and_hides_what_failed_inside() {
        let error = |code: &'static str, status| CallError {
            code,
            status,
            message: "the reason".to_owned(),
            stack: None,
            retry_after: None,
        };
        let read = |error: CallError, exposure| -> Value {
            let frame = refused(&join(Some("1"), "s", None), error, "STREAM_JOIN_FAILED", exposure);
            serde_json::from_slice(&frame).unwrap()
        };
        let frame = read(error("access_denied", 403), Exposure::Public);
        assert_eq!(
            (&frame["streamName"], &frame["groupId"], &frame["id"], &frame["event"]["type"]),
            (&json!("todos"), &json!("g"), &json!("1"), &json!("event"))
        );
        let data = json!({ "code": "STREAM_ACCESS_DENIED", "message": "the reason" });
        assert_eq!(frame["event"]["event"], json!({ "type": "error", "data": data }));
        let told = |error, exposure| read(error, exposure)["event"]["event"]["data"].clone();
        assert_eq!(
            told(error("store_failed", 503), Exposure::Public),
            json!({ "code": "STREAM_JOIN_FAILED", "message": "Service unavailable" })
        );
        assert_eq!(told(error("store_failed", 503), Exposure::Developer)["message"], "the reason");
        assert_eq!(
            told(error("unknown_stream", 404), Exposure::Public)["code"],
            "STREAM_NOT_FOUND"
        );
    }
}
