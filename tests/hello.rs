//! The message flow, from source files to the log of the event step, in every language.

mod support;

use serde_json::json;
use support::{Project, Running};

/// Builds and serves a project, sends it a message and follows it to the event step.
#[track_caller]
fn takes_a_message_and_processes_it(project: Project) {
    let running = Running::start(project, &[]);
    let text = "the first message";
    let reply = running.server.post("/messages", &json!({ "text": text }));
    assert_eq!((reply.status, &reply.json()["ok"]), (200, &json!(true)), "{reply:?}");
    running.server.wait_for_log_with(&["Processing message", text]);
}

#[test]
fn a_typescript_project_takes_a_message_and_processes_it() {
    takes_a_message_and_processes_it(Project::example("hello/typescript"));
}

#[test]
fn a_javascript_project_takes_a_message_and_processes_it() {
    takes_a_message_and_processes_it(Project::example("hello/javascript"));
}

#[test]
fn a_python_project_takes_a_message_and_processes_it() {
    takes_a_message_and_processes_it(Project::example("hello/python"));
}

#[test]
fn a_rust_project_takes_a_message_and_processes_it() {
    takes_a_message_and_processes_it(Project::example("hello/rust"));
}

#[test]
fn a_project_in_four_languages_takes_a_message_and_processes_it() {
    takes_a_message_and_processes_it(Project::example("hello/mixed"));
}

#[test]
fn the_typescript_steps_of_motias_readme_run_unchanged() {
    takes_a_message_and_processes_it(Project::fixture("readme-typescript"));
}

#[test]
fn the_javascript_steps_of_motias_readme_run_unchanged() {
    takes_a_message_and_processes_it(Project::fixture("readme-javascript"));
}

#[test]
fn the_python_steps_of_motias_readme_run_unchanged() {
    takes_a_message_and_processes_it(Project::fixture("readme-python"));
}
