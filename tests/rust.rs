//! What is said when a Rust handler fails.

mod support;

use support::{Project, Running, Shared, line_of};

static RUNNING: Shared<Running> = Shared::new();

fn start() -> Running {
    Running::start(Project::fixture("rust"), &[])
}

#[test]
fn a_panic_is_a_500_and_its_place_is_in_the_log_only() {
    let running = RUNNING.get(start);
    let reply = running.server.get("/panics");
    assert_eq!(reply.error(), (500, "guest_trapped".to_owned()));
    assert!(!reply.text().contains("secret"), "{}", reply.text());

    let source = running.project.read("steps/panics_step.rs");
    let place = format!("steps/panics_step.rs:{}:", line_of(&source, "expect("));
    running.server.wait_for_log_with(&["panicked at", &place, "a secret: the reactor"]);
}

#[test]
fn what_a_step_prints_is_in_the_log() {
    let running = RUNNING.get(start);
    running.server.get("/panics");
    running.server.wait_for_log("rust prints /panics");
}

#[test]
fn an_error_is_a_500_and_the_place_of_its_question_mark_is_in_the_log() {
    let running = RUNNING.get(start);
    assert_eq!(running.server.get("/fails/7").json()["number"], 7);
    let reply = running.server.get("/fails/many");
    assert_eq!(reply.error(), (500, "handler_failed".to_owned()));

    let source = running.project.read("steps/fails_step.rs");
    running.server.wait_for_log("ParseIntError: invalid digit found in string");
    running
        .server
        .wait_for_log(&format!("steps/fails_step.rs:{}:", line_of(&source, "text.parse()?")));
}
