//! What clients and handlers do wrong gets the answer that is named for it.

mod support;

use std::{
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use motia_manifest::{Bundle, Code, Step};
use serde_json::{Value, json};
use support::{Project, Reply, Running, Server, Shared, line_of};

const BODY_LIMIT: usize = 65_536;

static RUNNING: Shared<Running> = Shared::new();

/// The fixture with small limits, so that what hits them does so soon.
fn running() -> Arc<Running> {
    RUNNING.get(|| {
        let options = ["--cpu", "4", "--wall-clock", "8", "--body-limit", "65536"];
        Running::start(Project::fixture("bad-input"), &options)
    })
}

#[track_caller]
fn post(server: &Server, path: &str, content_type: &str, body: &[u8]) -> Reply {
    server.request("POST", path, &[("content-type", content_type)], body)
}

/// What the step `Echo` was given for a body.
#[track_caller]
fn echo(server: &Server, content_type: &str, body: &[u8]) -> Value {
    let reply = post(server, "/echo/x", content_type, body);
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply.json()
}

fn error(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

/// A client learns that something failed, and how to find it in the log, but not what.
#[track_caller]
fn assert_tells_nothing_else(reply: &Reply) {
    let body = reply.json();
    let fields: Vec<&str> =
        body.as_object().expect("an object").keys().map(String::as_str).collect();
    assert_eq!(fields, ["error", "code", "traceId"], "{body}");
    let trace_id = body["traceId"].as_str().expect("a trace id");
    assert!(!trace_id.is_empty());
    assert_eq!(reply.header("x-trace-id"), Some(trace_id));
}

// What clients do wrong.

#[test]
fn malformed_json_is_a_400_that_says_where() {
    let running = running();
    let reply = post(&running.server, "/create", "application/json", b"{\"title\": }");
    assert_eq!(reply.error(), error(400, "invalid_json"));
    assert_eq!(reply.json()["details"][0], json!({ "line": 1, "column": 11 }));
}

#[test]
fn a_body_that_breaks_its_schema_is_a_400_that_points_at_the_fault() {
    let running = running();
    let reply = running.server.post("/create", &json!({ "title": "x", "tags": ["a", 5] }));
    assert_eq!(reply.error(), error(400, "validation_failed"));
    assert_eq!(reply.json()["details"][0]["pointer"], "/tags/1");

    let reply = running.server.post("/create", &json!({ "title": 5 }));
    assert_eq!(reply.json()["details"][0]["pointer"], "/title");

    let missing = running.server.request("POST", "/create", &[], b"");
    assert_eq!(missing.error(), error(400, "validation_failed"));

    let good = running.server.post("/create", &json!({ "title": "x", "tags": [] }));
    assert_eq!((good.status, good.json()), (201, json!({ "title": "x" })));
}

#[test]
fn a_body_over_the_limit_is_a_413() {
    let running = running();
    let fits = post(&running.server, "/echo/x", "text/plain", &vec![b'x'; BODY_LIMIT]);
    assert_eq!(fits.status, 200, "{}", fits.text());
    let reply = post(&running.server, "/echo/x", "text/plain", &vec![b'x'; BODY_LIMIT + 1]);
    assert_eq!(reply.error(), error(413, "body_too_large"));
    assert!(reply.text().contains("65536"), "{}", reply.text());
}

#[test]
fn an_unknown_route_is_a_404_in_json() {
    let running = running();
    let reply = running.server.get("/no/such/route");
    assert_eq!(reply.error(), error(404, "not_found"));
    assert_eq!(reply.header("content-type"), Some("application/json; charset=utf-8"));
}

#[test]
fn a_wrong_method_is_a_405_that_lists_the_right_ones() {
    let running = running();
    let reply = running.server.request("PUT", "/create", &[], b"{}");
    assert_eq!(reply.error(), error(405, "method_not_allowed"));
    let allow = reply.header("allow").expect("the header Allow");
    assert!(allow.split(", ").any(|method| method == "POST"), "{allow}");
    assert!(!allow.contains("PUT"), "{allow}");
}

#[test]
fn a_path_parameter_that_is_not_utf_8_is_a_400() {
    let running = running();
    let reply = running.server.request("POST", "/echo/%ff", &[], b"");
    assert_eq!(reply.error(), error(400, "bad_path_encoding"));
}

#[test]
fn a_malformed_emit_is_a_400() {
    let running = running();
    let reply = running.server.post("/emit", &json!({ "data": {} }));
    assert_eq!(reply.error(), error(400, "invalid_emit"));
}

// What handlers do wrong.

#[test]
fn a_handler_that_throws_is_a_500_and_its_stack_is_in_the_log_only() {
    let running = running();
    let reply = running.server.get("/throws");
    assert_eq!(reply.error(), error(500, "handler_failed"));
    assert_eq!(reply.json()["error"], "Internal server error");
    assert_tells_nothing_else(&reply);

    let source = running.project.read("steps/throws.step.ts");
    let line_of = |part: &str| format!("steps/throws.step.ts:{}:", line_of(&source, part));
    running.server.wait_for_log("TypeError: a secret: the reactor");
    running.server.wait_for_log_with(&["explode", &line_of("throw new TypeError")]);
    running.server.wait_for_log(&line_of("explode({"));
    let trace_id = reply.json()["traceId"].as_str().expect("a trace id").to_owned();
    running.server.wait_for_log_with(&[&trace_id, "handler_failed"]);
}

#[test]
fn a_handler_that_returns_no_response_is_a_500() {
    let running = running();
    for what in ["nothing", "text", "no-status", "status-99", "circular"] {
        let reply = running.server.get(&format!("/answers/{what}"));
        assert_eq!(reply.error(), error(500, "invalid_response"), "{what}");
        assert_tells_nothing_else(&reply);
    }
    running.server.wait_for_log("the handler returned nothing");
    running.server.wait_for_log("the response's status is 99");
}

#[test]
fn a_handler_that_computes_for_ever_is_a_504() {
    let running = running();
    let reply = running.server.get("/never/loops");
    assert_eq!(reply.error(), error(504, "cpu_limit"));
    assert_tells_nothing_else(&reply);
}

#[test]
fn a_handler_that_waits_for_ever_is_a_504() {
    let running = running();
    let reply = running.server.get("/never/waits");
    assert_eq!(reply.error(), error(504, "handler_timeout"));
    assert_tells_nothing_else(&reply);
}

#[test]
fn a_handler_that_waits_for_what_nothing_can_settle_is_ended() {
    let running = running();
    let reply = running.server.get("/never/settles");
    assert_eq!(reply.error(), error(504, "handler_stalled"));
    assert_tells_nothing_else(&reply);
}

#[test]
fn a_handler_that_exhausts_its_memory_is_a_500_and_takes_nobody_along() {
    let running = running();
    let reply = running.server.get("/hoards");
    let expected = [error(500, "memory_limit"), error(500, "guest_trapped")];
    assert!(expected.contains(&reply.error()), "{}", reply.text());
    assert_tells_nothing_else(&reply);
    assert_eq!(running.server.get("/globals").status, 200);
}

#[test]
fn an_emit_to_an_undeclared_topic_is_an_error_that_the_handler_can_catch() {
    let running = running();
    let body = running.server.post("/emits-undeclared", &json!({})).json();
    assert_eq!(
        (&body["refused"], &body["name"], &body["code"]),
        (&json!(true), &json!("MotiaError"), &json!("denied")),
        "{body}"
    );
    assert!(body["message"].as_str().expect("a message").contains("undeclared"), "{body}");
    running.server.wait_for_log_with(&["EmitsUndeclared", "may not emit to `undeclared`"]);
}

#[test]
fn a_response_over_the_limit_is_a_500() {
    let running = running();
    let reply = running.server.get("/big");
    assert_eq!(reply.error(), error(500, "response_too_large"));
    assert_tells_nothing_else(&reply);
}

// What handlers are given.

#[test]
fn nothing_of_one_invocation_is_left_for_the_next() {
    let running = running();
    let server = &running.server;
    let answers: Vec<Value> = (0..5)
        .map(|_| {
            let before = milliseconds();
            let body = server.get("/globals").json();
            let now = body["now"].as_f64().expect("a time");
            assert!(before - 100.0 <= now && now <= milliseconds() + 100.0, "{before} {body}");
            body
        })
        .collect();
    for body in &answers {
        assert_eq!((&body["calls"], &body["visits"]), (&json!(1), &json!(1)), "{answers:?}");
    }
    for field in ["random", "id"] {
        let mut values: Vec<String> = answers.iter().map(|body| body[field].to_string()).collect();
        values.sort();
        values.dedup();
        assert_eq!(values.len(), answers.len(), "`{field}` repeats: {answers:?}");
    }
}

fn milliseconds() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("a time after 1970").as_secs_f64() * 1_000.0
}

#[test]
fn what_a_step_prints_is_in_the_log() {
    let running = running();
    assert_eq!(running.server.get("/prints/line").status, 200);
    running.server.wait_for_log_with(&["the console says", "42"]);
}

#[test]
fn what_a_step_logs_is_cut_at_the_limits() {
    let running = running();
    assert_eq!(running.server.get("/prints/giant-record").status, 200);
    let line =
        running.server.wait_for_log_with(&["giant xxx", "(cut at the limit `log_record_bytes`)"]);
    assert!(line.len() < 100_000, "the record has {} bytes", line.len());

    assert_eq!(running.server.get("/prints/giant-output").status, 200);
    running.server.wait_for_log("the rest of the output is dropped (limit `output_bytes`)");
    let log = running.server.log();
    assert!(log.contains("output 0 xxx") && !log.contains("output 999 xxx"));
}

#[test]
fn middleware_wraps_the_handler_from_the_outside_in() {
    let running = running();
    let through = running.server.get("/layered");
    let trail = ["outer in", "inner in", "handler", "inner out", "outer out"];
    assert_eq!((through.status, through.json()), (200, json!({ "trail": trail })));

    let stopped = running.server.get("/layered?open=no");
    let trail = ["outer in", "inner in", "gate closed", "inner out", "outer out"];
    assert_eq!((stopped.status, stopped.json()), (403, json!({ "trail": trail })));
}

#[test]
fn a_body_arrives_as_what_its_content_type_says() {
    let running = running();
    let json =
        echo(&running.server, "application/json; charset=utf-8", "{\"a\":[1,\"é\"]}".as_bytes());
    assert_eq!(
        (&json["body"], &json["rawBody"]),
        (&json!({"a": [1, "é"]}), &json!("{\"a\":[1,\"é\"]}"))
    );

    let number = echo(&running.server, "application/json", b"5");
    assert_eq!(number["body"], 5);

    let text = echo(&running.server, "text/plain", "grüße".as_bytes());
    assert_eq!((&text["body"], &text["rawBody"]), (&json!("grüße"), &json!("grüße")));

    let form = echo(&running.server, "application/x-www-form-urlencoded", b"a=1&b=2&b=3&c[d]=x+y");
    assert_eq!(form["body"], json!({"a": "1", "b": ["2", "3"], "c": {"d": "x y"}}));
    assert_eq!(form["rawBody"], "a=1&b=2&b=3&c[d]=x+y");

    let bytes = echo(&running.server, "application/octet-stream", &[0, 255, 7]);
    assert_eq!(
        (&bytes["body"], &bytes["rawBody"]),
        (&json!({"bytes": [0, 255, 7]}), &json!("3 bytes"))
    );

    let nothing = running.server.request("POST", "/echo/x", &[], b"").json();
    assert_eq!((&nothing["body"], &nothing["rawBody"]), (&json!({}), &json!("")));
}

#[test]
fn a_multipart_body_arrives_as_fields_and_files() {
    let running = running();
    let body = concat!(
        "--edge\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\nhi\r\n",
        "--edge\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\n",
        "Content-Type: text/plain\r\n\r\nhello\r\n--edge--\r\n",
    );
    let given = echo(&running.server, "multipart/form-data; boundary=edge", body.as_bytes());
    let file = json!({
        "fieldname": "file", "filename": "a.txt", "contentType": "text/plain", "size": 5, "text": "hello",
    });
    assert_eq!(given["body"], json!({ "note": "hi", "file": file }));
    assert_eq!(given["rawBody"], format!("{} bytes", body.len()));
}

#[test]
fn paths_queries_and_headers_arrive_decoded() {
    let running = running();
    let path = "/ECHO/a%20b/?a=1&a=2&b[c]=d&e[]=f&g=h+i";
    let headers = [("X-Name", "first"), ("x-name", "second"), ("Content-Type", "text/plain")];
    let given = running.server.request("POST", path, &headers, b"x").json();
    assert_eq!(given["method"], "POST");
    assert_eq!(given["path"], "/ECHO/a%20b/");
    assert_eq!(given["pathParams"], json!({ "id": "a b" }));
    assert_eq!(
        given["queryParams"],
        json!({"a": ["1", "2"], "b": {"c": "d"}, "e": ["f"], "g": "h i"})
    );
    assert_eq!(given["headers"]["x-name"], "first, second");
}

// What every answer has.

#[test]
fn head_is_answered_as_get_without_the_body() {
    let running = running();
    let get = running.server.get("/prints/nothing");
    let head = running.server.request("HEAD", "/prints/nothing", &[], b"");
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(head.header("content-length"), Some(get.body.len().to_string().as_str()));
    assert_eq!(head.header("content-type"), get.header("content-type"));
}

#[test]
fn any_web_page_may_call_every_path() {
    let running = running();
    let server = &running.server;
    let options =
        server.request("OPTIONS", "/no/such/route", &[("origin", "https://example.org")], b"");
    assert_eq!((options.status, options.body.len()), (204, 0));
    for reply in
        [options, server.get("/globals"), server.get("/throws"), server.get("/no/such/route")]
    {
        for header in ["origin", "methods", "headers"] {
            let name = format!("access-control-allow-{header}");
            assert_eq!(reply.header(&name), Some("*"), "{name} of {reply:?}");
        }
    }
}

#[test]
fn an_unchanged_answer_is_not_sent_again() {
    let running = running();
    let server = &running.server;
    let first = server.get("/prints/nothing");
    let tag = first.header("etag").expect("an ETag");
    let again = server.request("GET", "/prints/nothing", &[("if-none-match", tag)], b"");
    assert_eq!((again.status, again.body.len()), (304, 0));
}

// What is in the environment.

#[test]
fn environment_variables_are_read_when_a_step_runs_and_never_built_in() {
    let project = Project::fixture("bad-input");
    let environment = project.root().join(".env");
    let environment_option = ["--env-file", environment.to_str().expect("a path in UTF-8")];
    project.write(".env", "REACTOR_KEY=first-value-of-the-key\n");
    project.build();
    let built = project.manifest();

    let server = Server::serve(&project.bundle(), &project.data(), &environment_option);
    let given = server.get("/environment").json();
    assert_eq!(given, json!({ "key": "first-value-of-the-key", "unset": null }));
    server.stop();
    assert!(bundle_has(&project, "REACTOR_KEY"), "the search finds what is in the bundle");
    assert!(!bundle_has(&project, "first-value-of-the-key"));

    project.write(".env", "REACTOR_KEY=second-value-of-the-key\n");
    let server = Server::serve(&project.bundle(), &project.data(), &environment_option);
    assert_eq!(server.get("/environment").json()["key"], "second-value-of-the-key");
    assert_eq!(project.manifest(), built);
}

/// Whether the manifest or the memory of a step contains a text.
fn bundle_has(project: &Project, text: &str) -> bool {
    let has = |content: &[u8]| content.windows(text.len()).any(|part| part == text.as_bytes());
    let bundle = Bundle::open(&project.bundle()).expect("a bundle");
    let in_memory = |step: &Step| match &step.code {
        Some(Code::Image(image)) => {
            let engine = bundle.engine(step, image).expect("the step's engine");
            let blank = bundle.read(&engine.image).expect("the engine's image");
            has(&bundle.read_against(&image.artifact, &blank).expect("the step's image"))
        }
        other => panic!("not an image: {other:?}"),
    };
    has(project.manifest().as_bytes()) || bundle.manifest().steps.iter().any(in_memory)
}
