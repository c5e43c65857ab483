//! Tests of `respond.rs`.

use std::time::Duration;

use http_body_util::BodyExt;
use serde_json::json;

use super::*;

fn step(status: u16, headers: &[(&str, &str)], body: ResponseBody) -> Response {
    let headers = headers.iter().map(|&(name, value)| (name.to_owned(), value.to_owned()));
    Response { status, headers: headers.collect(), body }
}

fn get(answer: Response) -> HttpResponse {
    from_step(answer, &Method::GET, &HeaderMap::new()).unwrap()
}

fn header<'a>(response: &'a HttpResponse, name: &str) -> Option<&'a str> {
    response.headers().get(name).map(|value| value.to_str().unwrap())
}

async fn text(response: HttpResponse) -> String {
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn the_content_type_follows_the_body_unless_the_step_says() {
    let content_type = |headers: &[(&str, &str)], body| {
        header(&get(step(200, headers, body)), "content-type").map(str::to_owned)
    };
    let json = ResponseBody::Json("{}".to_owned());
    assert_eq!(content_type(&[], json).unwrap(), "application/json; charset=utf-8");
    let text = || ResponseBody::Text("hi".to_owned());
    assert_eq!(content_type(&[], text()).unwrap(), "text/html; charset=utf-8");
    let plain = [("Content-Type", "text/plain")];
    assert_eq!(content_type(&plain, text()).unwrap(), "text/plain; charset=utf-8");
    let bytes = || ResponseBody::Bytes(vec![1]);
    assert_eq!(content_type(&[], bytes()).unwrap(), "application/octet-stream");
    assert_eq!(content_type(&[("content-type", "image/png")], bytes()).unwrap(), "image/png");
    assert_eq!(content_type(&[], ResponseBody::Empty), None);
}

#[tokio::test]
async fn a_client_that_has_the_body_gets_304() {
    let answer = || step(200, &[], ResponseBody::Json(r#"{"a":1}"#.to_owned()));
    let tag = header(&get(answer()), "etag").unwrap().to_owned();
    assert!(tag.starts_with("W/\"7-"), "{tag}");

    let mut headers = HeaderMap::new();
    headers.insert(IF_NONE_MATCH, HeaderValue::from_str(&format!("\"x\", {tag}")).unwrap());
    let response = from_step(answer(), &Method::GET, &headers).unwrap();
    assert_eq!(response.status(), StatusCode::NOT_MODIFIED);
    assert_eq!((header(&response, "content-type"), header(&response, "etag")), (None, Some(&*tag)));
    assert_eq!(text(response).await, "");

    assert_eq!(from_step(answer(), &Method::POST, &headers).unwrap().status(), 200);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    assert_eq!(from_step(answer(), &Method::GET, &headers).unwrap().status(), 200);
}

#[test]
fn headers_of_the_connection_are_dropped() {
    let headers = [
        ("Transfer-Encoding", "chunked"),
        ("Content-Length", "999"),
        ("Connection", "close"),
        ("Keep-Alive", "timeout=5"),
        ("Set-Cookie", "a=1"),
        ("Set-Cookie", "b=2"),
    ];
    let response = get(step(201, &headers, ResponseBody::Empty));
    assert_eq!(response.headers().len(), 2);
    assert_eq!(response.headers().get_all("set-cookie").iter().count(), 2);
}

#[test]
fn a_header_that_http_cannot_carry_is_named() {
    for (name, value) in [("x bad", "1"), ("x-split", "a\r\nSet-Cookie: b"), ("", "1")] {
        let answer = step(200, &[(name, value)], ResponseBody::Empty);
        let error = from_step(answer, &Method::GET, &HeaderMap::new()).unwrap_err();
        assert_eq!((error.status.as_u16(), error.code), (500, "invalid_response"));
        assert!(error.cause.unwrap().message.contains(&format!("`{name}`")));
    }
}

#[test]
fn more_headers_than_http_can_hold_are_refused() {
    let headers = vec![("x-many", "1"); 40_000];
    let answer = step(200, &headers, ResponseBody::Empty);
    let error = from_step(answer, &Method::GET, &HeaderMap::new()).unwrap_err();
    assert_eq!(error.code, "invalid_response");
}

#[tokio::test]
async fn no_body_is_sent_where_http_allows_none() {
    let mut response = get(step(204, &[], ResponseBody::Json("{}".to_owned())));
    finish(&mut response, &Method::GET, "T-1");
    assert_eq!(header(&response, "content-type"), None);
    assert_eq!(text(response).await, "");

    let mut response = get(step(200, &[], ResponseBody::Text("hello".to_owned())));
    finish(&mut response, &Method::HEAD, "T-1");
    assert_eq!(header(&response, "content-length"), Some("5"));
    assert_eq!(text(response).await, "");
}

#[test]
fn every_answer_has_cors_and_trace_headers() {
    let headers = [("Access-Control-Allow-Origin", "https://a.example")];
    let mut response = get(step(200, &headers, ResponseBody::Empty));
    finish(&mut response, &Method::GET, "R3CSN-2914331");
    assert_eq!(header(&response, "access-control-allow-origin"), Some("https://a.example"));
    assert_eq!(header(&response, "access-control-allow-private-network"), Some("true"));
    assert_eq!(header(&response, "x-trace-id"), Some("R3CSN-2914331"));

    let mut response = no_content();
    finish(&mut response, &Method::OPTIONS, "T-1");
    for (name, value) in CORS {
        assert_eq!(header(&response, name), Some(value));
    }
}

#[tokio::test]
async fn an_error_is_json_with_its_headers() {
    let error = HttpError::method_not_allowed("POST", "/a", &["GET", "HEAD"]);
    let response = from_error(&error, "T-1", Exposure::Public);
    assert_eq!((response.status().as_u16(), header(&response, "allow")), (405, Some("GET, HEAD")));
    let body: Value = serde_json::from_str(&text(response).await).unwrap();
    assert_eq!(body["code"], "method_not_allowed");
    assert_eq!(body["traceId"], "T-1");

    let details = json!([{"pointer": "/text", "message": "is missing"}]);
    let response =
        from_error(&HttpError::validation_failed(details.clone()), "T-1", Exposure::Public);
    let body: Value = serde_json::from_str(&text(response).await).unwrap();
    assert_eq!((&body["code"], &body["details"]), (&json!("validation_failed"), &details));

    let mut busy = HttpError::new(StatusCode::SERVICE_UNAVAILABLE, "overloaded", "busy");
    busy.retry_after = Some(Duration::from_millis(1_500));
    let response = from_error(&busy, "T-1", Exposure::Public);
    assert_eq!(header(&response, "retry-after"), Some("2"));
}
