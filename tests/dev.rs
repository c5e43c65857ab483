//! `motia dev`: an edit is served soon, and until then the last good version is.

mod support;

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use serde_json::{Value, json};
use support::{Project, SLOW, Server, line_of, wait_until};

const STEP: &str = "steps/send-message.step.ts";
const ANSWER: &str = "return { status: 200, body: { ok: true } }";

/// Tells a thread to stop, also when a test fails.
struct StopOnDrop<'a>(&'a AtomicBool);

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn answer_of(version: u32) -> String {
    format!("return {{ status: 200, body: {{ ok: true, version: {version} }} }}")
}

fn ask(server: &Server) -> Value {
    server.post("/messages", &json!({ "text": "hi" })).json()
}

#[track_caller]
fn wait_for_version(server: &Server, version: u32) {
    wait_until(SLOW, "the edit is served", || ask(server)["version"] == version);
}

#[test]
fn an_edit_is_served_and_no_request_fails_meanwhile() {
    let project = Project::example("hello/typescript");
    let server = Server::dev(&project.root(), &project.data());
    assert_eq!(ask(&server), json!({ "ok": true }));

    let (stopped, server) = (AtomicBool::new(false), &server);
    let (answered, failed) = thread::scope(|scope| {
        let stop = StopOnDrop(&stopped);
        let asking = scope.spawn(|| {
            let (mut answered, mut failed) = (0, Vec::new());
            while !stopped.load(Ordering::Relaxed) {
                let json = [("content-type", "application/json")];
                match server.try_request("POST", "/messages", &json, b"{\"text\":\"hi\"}") {
                    Ok(reply) if reply.status == 200 => answered += 1,
                    other => failed.push(format!("{other:?}")),
                }
            }
            (answered, failed)
        });
        for version in [2, 3] {
            let before = if version == 2 { ANSWER.to_owned() } else { answer_of(version - 1) };
            project.edit(STEP, &before, &answer_of(version));
            wait_for_version(server, version);
        }
        drop(stop);
        asking.join().expect("the answers")
    });
    assert!(failed.is_empty(), "{} of {}: {failed:#?}", failed.len(), answered + failed.len());
    assert!(answered > 0);
    server.wait_for_log_with(&["rebuilt", STEP]);
}

#[test]
fn a_broken_edit_is_reported_while_the_last_good_version_serves() {
    let project = Project::example("hello/typescript");
    let server = Server::dev(&project.root(), &project.data());
    let good = project.read(STEP);
    let broken = format!("{good}\nexport const broken = = 1\n");
    project.write(STEP, &broken);
    let place = format!("{STEP}:{}:", line_of(&broken, "= = 1"));
    server.wait_for_log(&place);
    assert_eq!(ask(&server), json!({ "ok": true }));

    project.write(STEP, &good.replace(ANSWER, &answer_of(2)));
    wait_for_version(&server, 2);
}

#[test]
fn a_new_step_is_served_and_a_removed_one_is_not() {
    let project = Project::example("hello/typescript");
    let server = Server::dev(&project.root(), &project.data());
    let added = "steps/added.step.ts";
    assert_eq!(server.get("/added").status, 404);
    project.write(
        added,
        "export const config = { name: 'Added', type: 'api', method: 'GET', path: '/added' }\n\
         export const handler = async () => ({ status: 200, body: {} })\n",
    );
    wait_until(SLOW, "the new step is served", || server.get("/added").status == 200);
    std::fs::remove_file(project.root().join(added)).expect("to remove a step");
    wait_until(SLOW, "the removed step is gone", || server.get("/added").status == 404);
}

#[test]
fn an_answer_says_why_a_handler_failed() {
    let project = Project::example("hello/typescript");
    project.edit(STEP, ANSWER, "throw new Error('the reason')");
    let server = Server::dev(&project.root(), &project.data());
    let reply = server.post("/messages", &json!({ "text": "hi" }));
    let body = reply.json();
    assert_eq!((reply.status, &body["message"]), (500, &json!("Error: the reason")));
    let line = line_of(&project.read(STEP), "the reason");
    let stack = body["stack"].as_str().expect("a stack");
    assert!(stack.contains(&format!("{STEP}:{line}:")), "{stack}");
}

#[test]
fn a_broken_file_does_not_keep_the_other_steps_from_being_served() {
    let project = Project::example("hello/typescript");
    project.write("steps/broken.step.ts", "export const config = {");
    let server = Server::dev(&project.root(), &project.data());
    server.wait_for_log_with(&["error", "steps/broken.step.ts:1:"]);
    server.wait_for_log("the other steps are served");
    assert_eq!(ask(&server), json!({ "ok": true }));

    let config = "{ type: 'api', name: 'Mended', method: 'GET', path: '/mended' }";
    let step = format!(
        "export const config = {config}\nexport const handler = async () => ({{ status: 204 }})\n"
    );
    project.write("steps/broken.step.ts", &step);
    wait_until(SLOW, "the mended step is served", || server.get("/mended").status == 204);
}
