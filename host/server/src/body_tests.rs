//! Tests of `body.rs`.

use std::io::Write;

use flate2::{
    Compression,
    write::{DeflateEncoder, GzEncoder, ZlibEncoder},
};
use http::{HeaderName, HeaderValue};
use http_body_util::Full;

use super::*;

const LIMITS: BodyLimits = BodyLimits { bytes: 1_000, time: Duration::from_secs(5) };

async fn read(headers: &[(&str, &str)], body: impl Into<Bytes>) -> Result<ReadBody, HttpError> {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        map.append(name, HeaderValue::from_str(value).unwrap());
    }
    read_body(&map, Full::new(body.into()), LIMITS).await
}

async fn read_as(content_type: &str, body: impl Into<Bytes>) -> Result<ReadBody, HttpError> {
    read(&[("content-type", content_type)], body).await
}

#[tokio::test]
async fn no_bytes_are_no_body_whatever_the_type() {
    for content_type in ["application/json", "text/plain", "multipart/form-data; boundary=x"] {
        let body = read_as(content_type, "").await.unwrap();
        assert_eq!((body.body, body.value), (RequestBody::Empty, Some(Value::Null)));
    }
}

#[tokio::test]
async fn json_is_any_json_value() {
    let body = read_as("application/json", "\u{feff}{\"a\": [1]}").await.unwrap();
    assert_eq!(body.body, RequestBody::Json);
    assert_eq!(body.raw, "{\"a\": [1]}");
    assert_eq!(body.value, Some(json!({"a": [1]})));
    let body = read_as("application/problem+json; charset=UTF-8", "7").await.unwrap();
    assert_eq!(body.value, Some(json!(7)));
    let latin = Bytes::from_static(b"\"\xe9\"");
    let body = read_as("application/json; charset=latin1", latin).await.unwrap();
    assert_eq!((&body.raw[..], body.value), ("\"é\"".as_bytes(), Some(json!("é"))));
}

#[tokio::test]
async fn malformed_json_says_where() {
    let error = read_as("application/json", "{\"a\":\n  nope}").await.unwrap_err();
    assert_eq!((error.status, error.code), (StatusCode::BAD_REQUEST, "invalid_json"));
    assert!(error.message.contains("line 2 column"), "{}", error.message);
    assert_eq!(error.details.unwrap()[0]["line"], 2);
    let deep = "[".repeat(400) + &"]".repeat(400);
    assert_eq!(read_as("application/json", deep).await.unwrap_err().code, "invalid_json");
    let not_utf8 = Bytes::from_static(b"\"\xff\"");
    assert_eq!(read_as("application/json", not_utf8).await.unwrap_err().code, "invalid_json");
    let error = read_as("application/json; charset=utf-16", "{}").await.unwrap_err();
    assert_eq!((error.status.as_u16(), error.code), (415, "unsupported_charset"));
}

#[tokio::test]
async fn a_form_is_an_object() {
    let body = read_as("application/x-www-form-urlencoded", "a[b]=1&c=x+y").await.unwrap();
    assert_eq!(body.body, RequestBody::Form(r#"{"a":{"b":"1"},"c":"x y"}"#.to_owned()));
    assert_eq!(body.value, Some(json!({"a": {"b": "1"}, "c": "x y"})));
    let error = read_as("application/x-www-form-urlencoded", "&".repeat(1_000)).await.unwrap_err();
    assert_eq!(error.status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn a_multipart_body_is_its_parts() {
    let text = "--x\r\nContent-Disposition: form-data; name=\"title\"\r\n\r\nhi\r\n\
        --x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.bin\"\r\n\
        Content-Type: application/octet-stream\r\n\r\n\u{1}\u{2}\r\n--x--\r\n";
    let body = read_as("multipart/form-data; boundary=x", text).await.unwrap();
    let RequestBody::Multipart(parts) = body.body else { panic!("not multipart") };
    assert_eq!(parts[0].name, "title");
    assert_eq!((parts[0].file_name.as_deref(), &parts[0].data[..]), (None, &b"hi"[..]));
    assert_eq!(parts[1].file_name.as_deref(), Some("a.bin"));
    assert_eq!(parts[1].content_type.as_deref(), Some("application/octet-stream"));
    assert_eq!(&parts[1].data[..], b"\x01\x02");
    let value = body.value.unwrap();
    assert_eq!((&value["title"], &value["file"]["size"]), (&json!("hi"), &json!(2)));
}

#[tokio::test]
async fn malformed_multipart_is_a_400() {
    let cases = [
        ("multipart/form-data", "--x--\r\n"),
        ("multipart/form-data; boundary=x", "nothing of the kind"),
        ("multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"a\""),
        ("multipart/form-data; boundary=x", "--x\r\nA: b\r\n\r\nno end"),
    ];
    for (content_type, body) in cases {
        let error = read_as(content_type, body).await.unwrap_err();
        assert_eq!((error.status.as_u16(), error.code), (400, "invalid_multipart"), "{body}");
    }
}

#[tokio::test]
async fn text_and_bytes_are_told_apart() {
    let body = read_as("text/plain", "é").await.unwrap();
    assert_eq!((body.body, body.value), (RequestBody::Text, Some(json!("é"))));
    assert_eq!(read_as("application/xml", "<a/>").await.unwrap().body, RequestBody::Text);
    assert_eq!(read(&[], "plain").await.unwrap().body, RequestBody::Text);
    let bytes = Bytes::from_static(b"\xff\xfe");
    assert_eq!(read(&[], bytes.clone()).await.unwrap().body, RequestBody::Bytes);
    assert_eq!(read_as("text/plain", bytes).await.unwrap().body, RequestBody::Bytes);
    let body = read_as("application/octet-stream", "x").await.unwrap();
    assert_eq!((body.body, body.value), (RequestBody::Bytes, None));
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused() {
    assert!(read_as("text/plain", "x".repeat(1_000)).await.is_ok());
    let error = read_as("text/plain", "x".repeat(1_001)).await.unwrap_err();
    assert_eq!((error.status.as_u16(), error.code), (413, "body_too_large"));
    let chunks = (0..20)
        .map(|_| Ok::<_, Infallible>(hyper::body::Frame::data(Bytes::from_static(&[0; 100]))));
    let stream = http_body_util::StreamBody::new(futures_util::stream::iter(chunks));
    let error = read_body(&HeaderMap::new(), stream, LIMITS).await.unwrap_err();
    assert_eq!(error.code, "body_too_large");
}

#[tokio::test]
async fn a_body_that_never_ends_is_given_up() {
    let silent = futures_util::stream::pending::<Result<hyper::body::Frame<Bytes>, Infallible>>();
    let limits = BodyLimits { time: Duration::from_millis(10), ..LIMITS };
    let body = http_body_util::StreamBody::new(silent);
    let error = read_body(&HeaderMap::new(), body, limits).await.unwrap_err();
    assert_eq!((error.status.as_u16(), error.code), (408, "body_timeout"));
}

#[tokio::test]
async fn encodings_are_undone_within_the_limit() {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(b"{}").unwrap();
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::default());
    zlib.write_all(b"{}").unwrap();
    let mut raw = DeflateEncoder::new(Vec::new(), Compression::default());
    raw.write_all(b"{}").unwrap();
    let encoded = [
        ("gzip", gzip.finish().unwrap()),
        ("deflate", zlib.finish().unwrap()),
        ("Deflate", raw.finish().unwrap()),
        ("identity", b"{}".to_vec()),
    ];
    for (encoding, bytes) in encoded {
        let headers = [("content-type", "application/json"), ("content-encoding", encoding)];
        assert_eq!(read(&headers, bytes).await.unwrap().raw, "{}", "{encoding}");
    }

    let mut bomb = GzEncoder::new(Vec::new(), Compression::best());
    bomb.write_all(&[0; 100_000]).unwrap();
    let error = read(&[("content-encoding", "gzip")], bomb.finish().unwrap()).await.unwrap_err();
    assert_eq!(error.code, "body_too_large");
    let error = read(&[("content-encoding", "gzip")], "not gzip").await.unwrap_err();
    assert_eq!((error.status.as_u16(), error.code), (400, "invalid_encoding"));
    let error = read(&[("content-encoding", "br")], "x").await.unwrap_err();
    assert_eq!((error.status.as_u16(), error.code), (415, "unsupported_encoding"));
}
