//! `motia create` makes a project that runs, and overwrites nothing.

mod support;

use serde_json::{Value, json};
use support::{Project, Running, SOON, motia, run, wait_until};

/// Creates a project, runs it and has a ticket triaged.
#[track_caller]
fn a_new_project_runs(language: &str) {
    let running = Running::start(Project::created(language), &[]);
    let server = &running.server;
    let reply = server.post("/tickets", &json!({ "title": "The shop is down" }));
    let ticket = reply.json();
    assert_eq!((reply.status, &ticket["priority"]), (201, &json!("unknown")), "{ticket}");
    let path = format!("/tickets/{}", ticket["id"].as_str().expect("an id"));
    wait_until(SOON, "the ticket is triaged", || server.get(&path).json()["priority"] == "urgent");
    assert_eq!(server.get("/tickets/none").status, 404);
    let untitled = server.post("/tickets", &json!({}));
    assert_eq!(untitled.error(), (400, "validation_failed".to_owned()));
}

#[test]
fn a_new_typescript_project_runs() {
    a_new_project_runs("typescript");
}

#[test]
fn a_new_javascript_project_runs() {
    a_new_project_runs("javascript");
}

#[test]
fn a_new_python_project_runs() {
    a_new_project_runs("python");
}

#[test]
fn a_new_rust_project_runs() {
    a_new_project_runs("rust");
}

#[test]
fn a_new_project_in_several_languages_runs() {
    a_new_project_runs("mixed");
}

#[test]
fn what_is_there_already_is_not_overwritten() {
    let project = Project::created("typescript");
    let package: Value =
        serde_json::from_str(&project.read("package.json")).expect("a package.json");
    assert_eq!(package["name"], "project");

    let file = "steps/create-ticket.step.ts";
    project.write(file, "// somebody's work\n");
    let again = project.create("javascript");
    assert_eq!(again.code, Some(1), "{again:#?}");
    assert!(again.stderr.contains("project"), "{again:#?}");
    assert_eq!(project.read(file), "// somebody's work\n");
    assert!(!project.root().join("steps/create-ticket.step.js").exists());
}

#[test]
fn an_unknown_language_is_refused_with_those_that_there_are() {
    let arguments = ["create", "project", "--language", "cobol", "--yes"];
    let directory = tempfile::tempdir().expect("a temporary directory");
    let ended = run(motia(arguments).current_dir(directory.path()), SOON);
    assert!(ended.code.is_some_and(|code| code != 0), "{ended:#?}");
    assert!(ended.stderr.contains("typescript") && ended.stderr.contains("rust"), "{ended:#?}");
    assert!(!directory.path().join("project").exists());
}
