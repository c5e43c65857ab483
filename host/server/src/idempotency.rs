//! The header `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header).

use bytes::Bytes;
use http::{Method, header::CONTENT_TYPE, request::Parts};
use motia_engine::IdempotencyKey;
use motia_manifest::Digest;

use crate::error::HttpError;

/// The header of the request.
const HEADER: &str = "idempotency-key";

/// The header of an answer that was given before.
pub const REPLAYED: &str = "idempotency-replayed";

/// The longest key.
const MAX_LENGTH: usize = 255;

/// The key of a request and what tells the request from others with the same key. Methods that
/// change nothing need none.
///
/// # Errors
/// 400 for a key that is none.
pub fn key_of(head: &Parts, body: &Bytes) -> Result<Option<IdempotencyKey>, HttpError> {
    if [Method::GET, Method::HEAD, Method::OPTIONS].contains(&head.method) {
        return Ok(None);
    }
    let invalid = |message: &str| HttpError::bad_request("invalid_idempotency_key", message);
    let mut given = head.headers.get_all(HEADER).iter();
    let Some(key) = given.next() else { return Ok(None) };
    if given.next().is_some() {
        return Err(invalid("the request has several Idempotency-Key headers; send one"));
    }
    let key = key.as_bytes();
    if !(1..=MAX_LENGTH).contains(&key.len()) || !key.iter().all(u8::is_ascii_graphic) {
        return Err(invalid("an Idempotency-Key has 1 to 255 visible ASCII characters"));
    }
    Ok(Some(IdempotencyKey {
        key: String::from_utf8_lossy(key).into_owned(),
        fingerprint: fingerprint(head, body),
    }))
}

fn fingerprint(head: &Parts, body: &Bytes) -> String {
    let content_type = head.headers.get(CONTENT_TYPE).map(|value| value.as_bytes());
    let parts = [
        head.method.as_str().as_bytes(),
        head.uri.path().as_bytes(),
        head.uri.query().unwrap_or_default().as_bytes(),
        content_type.unwrap_or_default(),
        &body[..],
    ];
    Digest::of_parts(parts).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(
        method: &str,
        uri: &str,
        keys: &[&str],
        body: &'static str,
    ) -> Result<Option<IdempotencyKey>, HttpError> {
        let mut request = http::Request::builder().method(method).uri(uri);
        for key in keys {
            request = request.header(HEADER, *key);
        }
        let (head, ()) = request.body(()).unwrap().into_parts();
        key_of(&head, &Bytes::from_static(body.as_bytes()))
    }

    #[test]
    fn a_key_is_one_short_visible_text_of_a_request_that_changes_something() {
        assert_eq!(key("POST", "/a", &["k-1"], "").unwrap().unwrap().key, "k-1");
        assert_eq!(key("POST", "/a", &[], ""), Ok(None));
        assert_eq!(key("GET", "/a", &["k-1"], ""), Ok(None));
        let long = "k".repeat(256);
        for keys in [&["a", "b"][..], &[""], &["a b"], &["\u{e9}"], &[long.as_str()]] {
            let error = key("POST", "/a", keys, "").unwrap_err();
            assert_eq!((error.status.as_u16(), error.code), (400, "invalid_idempotency_key"));
        }
    }

    #[test]
    fn another_request_has_another_fingerprint() {
        let of = |method, uri, body| key(method, uri, &["k"], body).unwrap().unwrap().fingerprint;
        let first = of("POST", "/a?b=1", "x");
        assert_eq!(of("POST", "/a?b=1", "x"), first);
        let others = [("PUT", "/a?b=1", "x"), ("POST", "/a", "x"), ("POST", "/a?b=1", "y")];
        for (method, uri, body) in others {
            assert_ne!(of(method, uri, body), first, "{method} {uri} {body}");
        }
    }
}
