//! Writing answers: what a step returned, errors, and what every answer carries.

use std::fmt::Write;

use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, StatusCode,
    header::{
        ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, ETAG, IF_NONE_MATCH,
        RETRY_AFTER, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
    },
};
use http_body_util::Full;
use hyper::body::Body;
use motia_sandbox::{Response, ResponseBody};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::error::{Exposure, HttpError};

/// An answer whose body is in memory.
pub type HttpResponse = http::Response<Full<Bytes>>;

/// What lets any web page call the steps; a step changes one by setting the same header.
const CORS: [(&str, &str); 6] = [
    ("access-control-allow-origin", "*"),
    ("access-control-allow-methods", "*"),
    ("access-control-allow-headers", "*"),
    ("access-control-max-age", "600"),
    ("access-control-allow-credentials", "true"),
    ("access-control-allow-private-network", "true"),
];

/// How many headers a step may set. A header map holds no more than some thousands.
const MAX_HEADERS: usize = 1_000;

/// The answer that a step returned.
///
/// # Errors
/// 500 for a header that HTTP cannot carry.
pub fn from_step(
    answer: Response,
    method: &Method,
    request_headers: &HeaderMap,
) -> Result<HttpResponse, HttpError> {
    let status = StatusCode::from_u16(answer.status).map_err(|_| {
        HttpError::internal("invalid_response", format!("{} is not a status", answer.status))
    })?;
    let mut headers = step_headers(answer.headers)?;
    let (default_type, tagged, body) = match answer.body {
        ResponseBody::Empty => (None, false, Bytes::new()),
        ResponseBody::Json(text) => {
            (Some("application/json; charset=utf-8"), true, Bytes::from(text))
        }
        ResponseBody::Text(text) => {
            name_charset(&mut headers);
            (Some("text/html; charset=utf-8"), true, Bytes::from(text))
        }
        ResponseBody::Bytes(bytes) => (Some("application/octet-stream"), false, Bytes::from(bytes)),
    };
    if let Some(default_type) = default_type {
        headers.entry(CONTENT_TYPE).or_insert(HeaderValue::from_static(default_type));
    }
    let is_read = status == StatusCode::OK && (method == Method::GET || method == Method::HEAD);
    if is_read
        && tagged
        && !headers.contains_key(ETAG)
        && let Some(tag) = weak_etag(&body)
    {
        headers.insert(ETAG, tag);
    }
    let is_known = is_read && client_has(request_headers, headers.get(ETAG));
    let status = if is_known { StatusCode::NOT_MODIFIED } else { status };
    let mut response = http::Response::new(Full::new(body));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    if !may_have_body(status) {
        *response.body_mut() = Full::default();
        response.headers_mut().remove(CONTENT_TYPE);
    }
    Ok(response)
}

/// An error as JSON.
pub fn from_error(error: &HttpError, trace_id: &str, exposure: Exposure) -> HttpResponse {
    let mut response = json(error.status, &error.to_json(trace_id, exposure));
    if let Some(allow) = &error.allow
        && let Ok(value) = HeaderValue::from_str(allow)
    {
        response.headers_mut().insert(ALLOW, value);
    }
    if let Some(wait) = error.retry_after {
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds.max(1)));
    }
    response
}

/// A JSON value.
pub fn json(status: StatusCode, value: &Value) -> HttpResponse {
    let mut response = http::Response::new(Full::new(Bytes::from(value.to_string())));
    *response.status_mut() = status;
    let content_type = HeaderValue::from_static("application/json; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}

/// 204.
pub fn no_content() -> HttpResponse {
    let mut response = http::Response::new(Full::default());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}

/// Adds what every answer carries that any web page may read; see [`finish_private`].
pub fn finish(response: &mut HttpResponse, method: &Method, trace_id: &str) {
    for (name, value) in CORS {
        let header = response.headers_mut().entry(HeaderName::from_static(name));
        header.or_insert(HeaderValue::from_static(value));
    }
    finish_private(response, method, trace_id);
}

/// Adds what every answer carries and takes the body from the answer to a `HEAD`.
pub fn finish_private(response: &mut HttpResponse, method: &Method, trace_id: &str) {
    if let Ok(value) = HeaderValue::from_str(trace_id) {
        response.headers_mut().insert(HeaderName::from_static("x-trace-id"), value);
    }
    if method == Method::HEAD && may_have_body(response.status()) {
        let length = response.body().size_hint().lower();
        response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
        *response.body_mut() = Full::default();
    }
}

fn may_have_body(status: StatusCode) -> bool {
    !matches!(status, StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT | StatusCode::NOT_MODIFIED)
}

/// The step's headers but for those that belong to the connection.
fn step_headers(headers: Vec<(String, String)>) -> Result<HeaderMap, HttpError> {
    if headers.len() > MAX_HEADERS {
        let reason = format!("the step's response has more than {MAX_HEADERS} headers");
        return Err(HttpError::internal("invalid_response", reason));
    }
    let mut map = HeaderMap::with_capacity(headers.len() + CORS.len() + 3);
    for (name, value) in headers {
        let invalid = |what: &str| {
            let reason = format!("the step's response has a header `{name}` whose {what}");
            HttpError::internal("invalid_response", reason)
        };
        let header = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| invalid("name HTTP does not allow"))?;
        let value = HeaderValue::from_bytes(value.as_bytes())
            .map_err(|_| invalid("value HTTP does not allow"))?;
        if belongs_to_the_connection(&header) {
            continue;
        }
        if header == CONTENT_TYPE {
            map.insert(header, value);
        } else {
            map.append(header, value);
        }
    }
    Ok(map)
}

fn belongs_to_the_connection(name: &HeaderName) -> bool {
    [CONNECTION, CONTENT_LENGTH, TE, TRAILER, TRANSFER_ENCODING, UPGRADE].contains(name)
        || matches!(name.as_str(), "keep-alive" | "proxy-connection" | "http2-settings")
}

/// A text is sent in UTF-8; a step's `text/plain` says so, as Express makes it.
fn name_charset(headers: &mut HeaderMap) {
    let Some(given) = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()) else {
        return;
    };
    let lower = given.to_ascii_lowercase();
    if !lower.starts_with("text/") || lower.contains("charset=") {
        return;
    }
    if let Ok(named) = HeaderValue::from_str(&format!("{given}; charset=utf-8")) {
        headers.insert(CONTENT_TYPE, named);
    }
}

/// A tag that is the same for the same body, on every machine.
fn weak_etag(body: &[u8]) -> Option<HeaderValue> {
    let digest = Sha256::digest(body);
    let mut tag = format!("W/\"{:x}-", body.len());
    for byte in &digest[..12] {
        // Writing to a string cannot fail.
        let _ = write!(tag, "{byte:02x}");
    }
    tag.push('"');
    HeaderValue::from_str(&tag).ok()
}

/// Whether the client holds what the tag stands for and did not ask for a fresh copy.
fn client_has(request_headers: &HeaderMap, tag: Option<&HeaderValue>) -> bool {
    let Some(tag) = tag.and_then(|tag| tag.to_str().ok()) else { return false };
    let is_forced = request_headers
        .get_all(CACHE_CONTROL)
        .iter()
        .any(|value| value.to_str().is_ok_and(|text| text.contains("no-cache")));
    let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    let wanted = opaque(tag);
    !is_forced
        && request_headers
            .get_all(IF_NONE_MATCH)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|list| list.split(','))
            .any(|held| held.trim() == "*" || opaque(held) == wanted)
}

#[cfg(test)]
#[path = "respond_tests.rs"]
mod tests;
