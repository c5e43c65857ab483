//! What a Python handler is given, and what is said when it fails.

mod support;

use serde_json::json;
use support::{Project, Running, Shared, line_of};

static RUNNING: Shared<Running> = Shared::new();

fn start() -> Running {
    Running::start(Project::fixture("python"), &[])
}

#[test]
fn fields_are_items_and_attributes() {
    let running = RUNNING.get(start);
    let sent = json!({ "text": "hi", "author": { "name": "Ada" } });
    let reply = running.server.post("/access/a%20b?x=1&x=2", &sent);
    let mut given = reply.json();
    assert_eq!((reply.status, reply.header("x-language")), (200, Some("python")), "{given}");
    assert_eq!(given["traceId"].as_str(), reply.header("x-trace-id"));
    given.as_object_mut().expect("an object").remove("traceId");
    let expected = json!({
        "item": "hi", "attribute": "hi", "get": "hi", "nested": "Ada", "missing": "absent",
        "id": "a b", "query": { "x": ["1", "2"] }, "calls": 1,
    });
    assert_eq!(given, expected);
}

#[test]
fn a_modules_globals_are_new_for_every_invocation() {
    let running = RUNNING.get(start);
    let sent = json!({ "text": "again", "author": { "name": "Ada" } });
    for _ in 0..3 {
        assert_eq!(running.server.post("/access/x", &sent).json()["calls"], 1);
    }
}

#[test]
fn what_a_step_prints_is_in_the_log() {
    let running = RUNNING.get(start);
    let sent = json!({ "text": "for the log", "author": { "name": "Ada" } });
    running.server.post("/access/x", &sent);
    running.server.wait_for_log("python prints for the log");
}

#[test]
fn an_exception_is_a_500_and_its_trace_is_in_the_log_only() {
    let running = RUNNING.get(start);
    let reply = running.server.get("/fails");
    assert_eq!(reply.error(), (500, "handler_failed".to_owned()));
    assert!(!reply.text().contains("secret"), "{}", reply.text());

    let source = running.project.read("steps/fails_step.py");
    running.server.wait_for_log("ValueError: a secret: the reactor");
    for (part, function) in [("raise ValueError", "explode"), ("    explode(\"", "handler")] {
        let line = format!("line {}, in {function}", line_of(&source, part));
        running.server.wait_for_log_with(&["File \"steps/fails_step.py\"", &line]);
    }
}

#[test]
fn a_body_that_lacks_what_the_handler_reads_is_an_exception_in_its_line() {
    let running = RUNNING.get(start);
    let reply = running.server.post("/access/x", &json!({ "other": 1 }));
    assert_eq!(reply.error(), (500, "handler_failed".to_owned()));
    let source = running.project.read("steps/access_step.py");
    let line = format!("line {}, in handler", line_of(&source, "print("));
    running.server.wait_for_log_with(&["File \"steps/access_step.py\"", &line]);
}
