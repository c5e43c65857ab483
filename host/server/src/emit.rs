//! The body of `POST /emit`.

use motia_engine::EmitRequest;
use motia_store::Millis;
use serde_json::{Map, Value};

use crate::{error::HttpError, time};

/// How long a name may be: an id, a group, a header.
const NAME_BYTES: usize = 1024;

/// How many headers an event may have.
const MAX_HEADERS: usize = 100;

/// From the lowest to the highest priority.
const PRIORITIES: std::ops::RangeInclusive<i64> = -100..=100;

fn invalid(message: impl Into<String>) -> HttpError {
    HttpError::bad_request("invalid_emit", message)
}

/// Reads an event, and returns its data apart as well.
///
/// # Errors
/// 400 that names the field and what was expected.
pub fn event_of(body: Option<Value>, now: Millis) -> Result<(EmitRequest, Value), HttpError> {
    let Some(Value::Object(mut fields)) = body else {
        return Err(invalid("the body is not an object with `topic` and `data`"));
    };
    let topic = match fields.remove("topic") {
        Some(Value::String(topic)) if !topic.is_empty() => topic,
        _ => return Err(invalid("`topic` is not a string that names a topic")),
    };
    let data = fields.remove("data").unwrap_or(Value::Null);
    let request = EmitRequest {
        topic,
        data: data.to_string(),
        message_group_id: name(&mut fields, "messageGroupId")?,
        id: name(&mut fields, "id")?,
        at: due(&mut fields, now)?,
        priority: priority(&mut fields)?,
        headers: headers(&mut fields)?,
    };
    Ok((request, data))
}

/// A field that is there and not null.
fn take(fields: &mut Map<String, Value>, field: &str) -> Option<Value> {
    fields.remove(field).filter(|value| !value.is_null())
}

fn is_name(text: &str) -> bool {
    (1..=NAME_BYTES).contains(&text.len())
}

fn name(fields: &mut Map<String, Value>, field: &str) -> Result<Option<String>, HttpError> {
    match take(fields, field) {
        None => Ok(None),
        Some(Value::String(text)) if is_name(&text) => Ok(Some(text)),
        Some(_) => Err(invalid(format!("`{field}` is not a string of 1 to {NAME_BYTES} bytes"))),
    }
}

fn due(fields: &mut Map<String, Value>, now: Millis) -> Result<Option<Millis>, HttpError> {
    match (take(fields, "at"), take(fields, "delay")) {
        (None, None) => Ok(None),
        (Some(_), Some(_)) => Err(invalid("an event has either `at` or `delay`, not both")),
        (Some(at), None) => match time::of_json(&at) {
            Some(at) => Ok(Some(at)),
            None => Err(invalid(format!("`at` is not {}", time::EXPECTED))),
        },
        (None, Some(delay)) => {
            let longest = time::LATEST - now;
            let delay = delay.as_f64().filter(|delay| (0.0..=longest as f64).contains(delay));
            match delay {
                Some(delay) => Ok(Some(now + delay.round() as Millis)),
                None => Err(invalid("`delay` is not a number of milliseconds from 0 up")),
            }
        }
    }
}

fn priority(fields: &mut Map<String, Value>) -> Result<Option<i32>, HttpError> {
    let Some(value) = take(fields, "priority") else { return Ok(None) };
    let priority = value.as_i64().filter(|priority| PRIORITIES.contains(priority));
    match priority.and_then(|priority| i32::try_from(priority).ok()) {
        Some(priority) => Ok(Some(priority)),
        None => Err(invalid("`priority` is not an integer from -100 to 100")),
    }
}

fn headers(fields: &mut Map<String, Value>) -> Result<Vec<(String, String)>, HttpError> {
    let headers = match take(fields, "headers") {
        None => return Ok(Vec::new()),
        Some(Value::Object(headers)) if headers.len() <= MAX_HEADERS => headers,
        Some(_) => {
            return Err(invalid(format!(
                "`headers` is not an object of at most {MAX_HEADERS} texts"
            )));
        }
    };
    let text = |(name, value): (String, Value)| match value {
        Value::String(value) if is_name(&name) && value.len() <= NAME_BYTES => Ok((name, value)),
        _ => Err(invalid(format!(
            "the header `{name}` is not a string of at most {NAME_BYTES} bytes"
        ))),
    };
    headers.into_iter().map(text).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(body: Value) -> Result<EmitRequest, String> {
        event_of(Some(body), 1_000).map(|(event, _)| event).map_err(|error| error.message)
    }

    #[test]
    fn an_event_has_a_topic_and_what_is_said_about_it() {
        let event = read(json!({
            "topic": "paid",
            "data": {"a": 1},
            "messageGroupId": "g",
            "id": "o-7",
            "delay": 2_500,
            "priority": -5,
            "headers": {"source": "till"},
        }))
        .unwrap();
        assert_eq!((event.topic.as_str(), event.data.as_str()), ("paid", r#"{"a":1}"#));
        assert_eq!(
            (event.message_group_id.as_deref(), event.id.as_deref()),
            (Some("g"), Some("o-7"))
        );
        assert_eq!((event.at, event.priority), (Some(3_500), Some(-5)));
        assert_eq!(event.headers, [("source".to_owned(), "till".to_owned())]);
        let plain = read(json!({"topic": "paid", "id": null})).unwrap();
        assert_eq!((plain.data.as_str(), plain.id, plain.at), ("null", None, None));
        let at = read(json!({"topic": "paid", "at": "1970-01-01T00:01:00Z"})).unwrap().at;
        assert_eq!(at, Some(60_000));
    }

    #[test]
    fn a_wrong_field_is_named() {
        let wrong = [
            ("messageGroupId", json!(7)),
            ("id", json!("")),
            ("at", json!("soon")),
            ("delay", json!(-1)),
            ("delay", json!("1 s")),
            ("priority", json!(101)),
            ("priority", json!(0.5)),
            ("headers", json!(["a"])),
        ];
        for (field, value) in wrong {
            let error = read(json!({"topic": "paid", field: value})).unwrap_err();
            assert!(error.contains(&format!("`{field}`")), "{field}: {error}");
        }
        let error = read(json!({"topic": "paid", "headers": {"n": 1}})).unwrap_err();
        assert!(error.contains("the header `n`"), "{error}");
        assert!(read(json!({"topic": "paid", "at": 1, "delay": 1})).unwrap_err().contains("both"));
        assert!(read(json!({"topic": ""})).unwrap_err().contains("`topic`"));
        assert!(event_of(None, 0).is_err());
    }
}
