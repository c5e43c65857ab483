//! What was acknowledged is done, whatever happens to the server, and what cannot be done is kept.

mod support;

use std::{net::TcpStream, path::Path, sync::Arc, thread};

use rusqlite::{Connection, OpenFlags};
use serde_json::{Value, json};
use support::{Project, SOON, Server, Shared, motia, run, wait_for, wait_until};
use tempfile::TempDir;

static PROJECT: Shared<Project> = Shared::new();

/// A server of the fixture on data of its own.
struct Host {
    project: Arc<Project>,
    data: TempDir,
}

impl Host {
    fn new() -> Self {
        let project = PROJECT.get(|| {
            let project = Project::fixture("durability");
            project.build();
            project
        });
        Self { project, data: tempfile::tempdir().expect("a temporary directory") }
    }

    #[track_caller]
    fn serve(&self) -> Server {
        Server::serve(&self.project.bundle(), self.data.path(), &[])
    }

    /// The dead letters of a step. The server must have ended.
    #[track_caller]
    fn dead_letters(&self, step: &str) -> Vec<DeadLetter> {
        dead_letters(&self.data.path().join("core.db"), step)
    }
}

#[derive(Debug)]
struct DeadLetter {
    topic: String,
    data: Value,
    /// One for each attempt.
    errors: Vec<Value>,
}

fn dead_letters(database: &Path, step: &str) -> Vec<DeadLetter> {
    let connection = Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_ONLY)
        .unwrap_or_else(|error| panic!("{}: {error}", database.display()));
    let mut statement = connection
        .prepare("SELECT topic, data, errors FROM dead_letter WHERE step = ?1 ORDER BY id")
        .expect("the table dead_letter");
    let json = |text: String| serde_json::from_str::<Value>(&text).expect("JSON in the database");
    let rows = statement.query_map([step], |row| {
        let (topic, data, errors): (String, String, String) =
            (row.get(0)?, row.get(1)?, row.get(2)?);
        let errors = json(errors).as_array().expect("a list of errors").clone();
        Ok(DeadLetter { topic, data: json(data), errors })
    });
    rows.expect("dead letters").collect::<Result<_, _>>().expect("dead letters")
}

#[track_caller]
fn emit(server: &Server, topic: &str, data: &Value) {
    let reply = server.post("/emit", &json!({ "topic": topic, "data": data }));
    assert_eq!((reply.status, &reply.json()["success"]), (200, &json!(true)), "{reply:?}");
}

#[test]
fn an_event_survives_kill_9() {
    let host = Host::new();
    let first = host.serve();
    let reply = first.post("/accept", &json!({ "topic": "accepted", "text": "acknowledged" }));
    let log = first.log();
    first.kill9();
    assert_eq!((reply.status, reply.json()), (200, json!({ "ok": true })));
    assert!(!log.contains("recorded"), "the event was processed before the crash:\n{log}");

    let second = host.serve();
    second.wait_for_log_with(&["recorded", "acknowledged"]);
}

#[test]
fn an_event_whose_handler_kill_9_interrupts_is_attempted_again() {
    let host = Host::new();
    let first = host.serve();
    let reply = first.post("/accept", &json!({ "topic": "lengthy", "text": "half done" }));
    assert_eq!(reply.status, 200, "{reply:?}");
    first.wait_for_log_with(&["lengthy work begins", "half done"]);
    first.kill9();

    let second = host.serve();
    second.wait_for_log_with(&["lengthy work ends", "half done"]);
}

#[test]
fn a_failing_event_step_is_attempted_again_after_growing_waits() {
    let host = Host::new();
    let server = host.serve();
    emit(&server, "flaky", &json!({}));
    let attempts = wait_for(SOON, "the third attempt", || {
        let attempts = server.get("/attempts").json().as_array().expect("a list").clone();
        (attempts.len() == 3).then_some(attempts)
    });
    server.stop();

    let at: Vec<i64> =
        attempts.iter().map(|attempt| attempt["at"].as_i64().expect("a time")).collect();
    let numbers: Vec<&Value> = attempts.iter().map(|attempt| &attempt["attempt"]).collect();
    assert_eq!(numbers, [1, 2, 3]);
    // 1 s and 2 s, of which a tenth may be taken at random.
    assert!(at[1] - at[0] >= 900 && at[2] - at[1] >= 1_800, "{at:?}");
    assert!(host.dead_letters("Flaky").is_empty(), "{:?}", host.dead_letters("Flaky"));
}

#[test]
fn an_event_step_that_fails_to_the_end_leaves_a_dead_letter_with_every_error() {
    let host = Host::new();
    let server = host.serve();
    emit(&server, "exhausted", &json!({ "order": 7 }));
    server.wait_for_log_with(&["Exhausted", "attempt 2 of 2 failed"]);
    server.stop();

    let letters = host.dead_letters("Exhausted");
    assert_eq!(letters.len(), 1, "{letters:?}");
    assert_eq!(
        (letters[0].topic.as_str(), &letters[0].data),
        ("exhausted", &json!({ "order": 7 }))
    );
    let messages: Vec<&str> =
        letters[0].errors.iter().filter_map(|error| error["message"].as_str()).collect();
    assert_eq!(messages, ["Error: attempt 1 failed", "Error: attempt 2 failed"]);
}

#[test]
fn a_non_retryable_error_is_a_dead_letter_at_once() {
    let host = Host::new();
    let server = host.serve();
    emit(&server, "hopeless", &json!({}));
    server.wait_for_log_with(&["Hopeless", "attempt 1 of", "dead letter"]);
    server.stop();

    let letters = host.dead_letters("Hopeless");
    assert_eq!((letters.len(), letters[0].errors.len()), (1, 1), "{letters:?}");
    let error = &letters[0].errors[0];
    assert_eq!(error["code"], "handler_failed");
    assert!(error["message"].as_str().expect("a message").contains("there is no such customer"));
    assert!(
        error["stack"].as_str().expect("a stack").contains("steps/hopeless.step.js:6"),
        "{error}"
    );
}

#[test]
fn an_event_that_breaks_the_input_schema_is_a_dead_letter_and_starts_nothing() {
    let host = Host::new();
    let server = host.serve();
    emit(&server, "strict", &json!({ "count": "many" }));
    server.wait_for_log_with(&["Strict", "breaks `input`", "/count"]);
    emit(&server, "strict", &json!({ "count": 2 }));
    server.wait_for_log_with(&["strict ran", "count"]);
    let log = server.log();
    server.stop();

    assert_eq!(log.matches("strict ran").count(), 1, "{log}");
    let letters = host.dead_letters("Strict");
    assert_eq!((letters.len(), letters[0].errors.len()), (1, 1), "{letters:?}");
    assert_eq!(letters[0].data, json!({ "count": "many" }));
    let error = &letters[0].errors[0];
    assert_eq!(error["code"], "invalid_input");
    assert!(error["message"].as_str().expect("a message").contains("/count"), "{error}");
}

#[test]
fn motia_emit_sends_an_event_to_a_running_server() {
    let host = Host::new();
    let server = host.serve();
    let emit = ["emit", "--topic", "strict", "--message", r#"{"count":41}"#, "--url"];
    let sent = run(motia(emit).arg(server.url()), SOON);
    assert_eq!(sent.code, Some(0), "{sent:?}");
    server.wait_for_log_with(&["strict ran", "41"]);

    let refused = run(
        motia(["emit", "--topic", "strict", "--message", "{", "--url"]).arg(server.url()),
        SOON,
    );
    assert!(refused.code.is_some_and(|code| code != 0), "{refused:?}");
    assert!(refused.stderr.contains("JSON"), "{refused:?}");
}

#[test]
fn a_server_that_is_asked_to_stop_finishes_what_is_in_flight_and_takes_no_more() {
    let host = Host::new();
    let server = host.serve();
    let reply = thread::scope(|scope| {
        let slow = scope.spawn(|| server.get("/slow"));
        server.wait_for_log("slow begins");
        server.terminate();
        wait_until(SOON, "new connections are refused", || {
            TcpStream::connect(server.address()).is_err()
        });
        assert!(!slow.is_finished(), "connections were refused only after the request had ended");
        slow.join().expect("an answer")
    });
    assert_eq!((reply.status, reply.json()), (200, json!({ "finished": true })));
    let status = server.wait();
    assert!(status.success(), "{status}");
}
