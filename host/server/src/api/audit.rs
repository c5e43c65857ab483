//! What people have changed: every operation that changes something is noted once it has succeeded, or has failed after it
//! may have changed something.

use http::Method;
use serde_json::{Map, Value};

use super::{
    Request,
    output::{page, parsed, shown},
};
use crate::error::HttpError;

/// So many bytes of a request's body are noted.
const DETAIL_BYTES: usize = 4 << 10;

pub async fn answer(request: &Request, path: &[&str]) -> Result<Value, HttpError> {
    match (request.method(), path) {
        ("GET", []) => list(request).await,
        (_, []) => Err(request.only(&["GET", "HEAD"])),
        _ => Err(request.unknown()),
    }
}

async fn list(request: &Request) -> Result<Value, HttpError> {
    let parameters = request.parameters(&["before", "limit"])?;
    let (before, limit) = (parameters.id("before")?, parameters.limit()?);
    let mut items = Vec::new();
    for audit in request.engine.audits(before, limit + 1).await? {
        let mut item = shown(&audit)?;
        item["detail"] = audit.detail.as_deref().map_or(Value::Null, parsed);
        items.push(item);
    }
    Ok(page(items, limit))
}

/// Notes what a request has done, if it has changed something; `failed` says why it may have done only a part.
pub async fn note(request: &Request, failed: Option<&HttpError>) {
    let Some((action, subject)) = change_of(&request.method, &request.path) else { return };
    let mut body = request.body.clone();
    if let Some(error) = failed {
        body.insert("failed".to_owned(), Value::from(error.code));
    }
    let detail = detail_of(&body);
    let noted = request.engine.audit(request.actor, action.clone(), subject, detail).await;
    if let Err(error) = noted {
        tracing::error!("`{action}` was done, but could not be noted in the audit: {error}");
    }
}

/// What an operation does, and to what; none if it changes nothing.
fn change_of(method: &Method, path: &[String]) -> Option<(String, String)> {
    let (kind, rest) = path.split_first()?;
    let (verb, subject) = match method.as_str() {
        "GET" => return None,
        // A query has no such name: it reads.
        "POST" => rest.split_last().map(|(verb, subject)| (verb.as_str(), subject))?,
        "PUT" => ("set", rest),
        "PATCH" => ("edit", rest),
        _ => match kind.as_str() {
            "deliveries" | "events" | "runs" => ("cancel", rest),
            "redrives" => ("stop", rest),
            _ => ("delete", rest),
        },
    };
    Some((format!("{kind}.{verb}"), subject.join("/")))
}

/// The body of a request; of a long one the beginning, as text.
fn detail_of(body: &Map<String, Value>) -> Option<String> {
    if body.is_empty() {
        return None;
    }
    let text = Value::Object(body.clone()).to_string();
    if text.len() <= DETAIL_BYTES {
        return Some(text);
    }
    let beginning = &text[..text.floor_char_boundary(DETAIL_BYTES)];
    Some(Value::from(format!("{beginning}…")).to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_change_is_named_after_its_path() {
        let change = |method: Method, path: &str| {
            let path: Vec<String> = path.split('/').map(str::to_owned).collect();
            let change = change_of(&method, &path);
            change.map(|(action, subject)| format!("{action} {subject}"))
        };
        let named = |name: &str| Some(name.to_owned());
        assert_eq!(change(Method::GET, "state/orders/7"), None);
        assert_eq!(change(Method::POST, "query"), None);
        assert_eq!(change(Method::PUT, "state/orders/7"), named("state.set orders/7"));
        assert_eq!(change(Method::DELETE, "state/orders/7"), named("state.delete orders/7"));
        assert_eq!(change(Method::POST, "state/delete"), named("state.delete "));
        assert_eq!(change(Method::POST, "queues/Charge/pause"), named("queues.pause Charge"));
        assert_eq!(change(Method::PATCH, "queues/Charge"), named("queues.edit Charge"));
        assert_eq!(change(Method::DELETE, "runs/1"), named("runs.cancel 1"));
        assert_eq!(change(Method::DELETE, "redrives/1"), named("redrives.stop 1"));
        assert_eq!(change(Method::POST, "streams/chat/a/send"), named("streams.send chat/a"));
    }

    #[test]
    fn of_a_long_body_the_beginning_is_noted() {
        let detail = |value: Value| detail_of(value.as_object().unwrap());
        assert_eq!(detail(json!({})), None);
        assert_eq!(detail(json!({ "value": 1 })).as_deref(), Some(r#"{"value":1}"#));
        let long = parsed(&detail(json!({ "value": "ä".repeat(DETAIL_BYTES) })).unwrap());
        let long = long.as_str().unwrap();
        assert!(long.starts_with(r#"{"value":"ää"#) && long.ends_with("ä…"), "{long}");
        assert!(long.len() <= DETAIL_BYTES + "…".len());
    }
}
