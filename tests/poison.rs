//! A step whose component cannot be instantiated: its queue is paused, and none of its events is burned.

mod support;

use std::{fs, path::Path, process::Command};

use serde_json::{Value, json};
use support::{Project, SOON, Server, run, wait_for};

const TOKEN: &str = "a-token-for-this-test-only";

/// Where a Rust component puts its data, as an active data segment says it: memory 0, `i32.const 1048576`, `end`.
const OFFSET: [u8; 7] = [0x00, 0x41, 0x80, 0x80, 0xc0, 0x00, 0x0b];
/// The same far outside of any memory that the component has: a trap while it is instantiated.
const OUTSIDE: [u8; 7] = [0x00, 0x41, 0x80, 0x80, 0xc0, 0x1f, 0x0b];

fn sha256(file: &Path) -> String {
    let ended = run(Command::new("sha256sum").arg(file), SOON);
    ended.stdout.split(' ').next().expect("a digest").to_owned()
}

/// Breaks the component of a step in a bundle, and names the new one in the manifest.
fn poison(bundle: &Path, step: &str) {
    let manifest_file = bundle.join("manifest.json");
    let text = fs::read_to_string(&manifest_file).expect("the manifest");
    let manifest: Value = serde_json::from_str(&text).expect("JSON");
    let steps = manifest["steps"].as_array().expect("steps");
    let found = steps.iter().find(|found| found["config"]["name"] == step).expect("the step");
    let code = found["code"].as_object().expect("code").values().find(|value| value.is_object());
    let artifact = code.unwrap_or(&found["code"]);
    let (path, digest) = (artifact["path"].as_str(), artifact["sha256"].as_str());
    let (path, digest) = (path.expect("a path"), digest.expect("a digest"));
    let mut bytes = fs::read(bundle.join(path)).expect("the component");
    let at = bytes.windows(OFFSET.len()).position(|window| window == OFFSET).expect("a segment");
    bytes[at..at + OFFSET.len()].copy_from_slice(&OUTSIDE);
    let broken = bundle.join("broken.wasm");
    fs::write(&broken, bytes).expect("the broken component");
    let new = sha256(&broken);
    let new_path = path.replace(digest, &new);
    fs::rename(&broken, bundle.join(&new_path)).expect("its name");
    fs::write(&manifest_file, text.replace(digest, &new)).expect("the manifest");
}

fn queue(server: &Server, step: &str) -> Value {
    let authorization = format!("Bearer {TOKEN}");
    let path = format!("/__motia/api/queues/{step}");
    server.request("GET", &path, &[("authorization", authorization.as_str())], b"").json()
}

#[test]
fn a_step_that_cannot_be_instantiated_is_paused_until_another_version_comes() {
    let project = Project::example("hello/rust");
    project.build();
    let broken = project.data().with_file_name("broken");
    let copied = run(Command::new("cp").arg("-r").arg(project.bundle()).arg(&broken), SOON);
    assert_eq!(copied.code, Some(0), "{copied:?}");
    poison(&broken, "ProcessMessage");

    let server = Server::serve(&broken, &project.data(), &["--api-token", TOKEN]);
    assert_eq!(server.post("/messages", &json!({ "text": "kept" })).status, 200);
    let paused = wait_for(SOON, "the queue is paused", || {
        Some(queue(&server, "ProcessMessage")).filter(|queue| !queue["paused"].is_null())
    });
    let reason = paused["paused"]["reason"].as_str().expect("a reason");
    assert!(reason.contains("cannot be instantiated"), "{reason}");
    assert_eq!((&paused["dead"], &paused["ready"]), (&json!(0), &json!(1)), "{paused}");
    server.stop();

    // The same broken step: it stays paused over a restart.
    let server = Server::serve(&broken, &project.data(), &["--api-token", TOKEN]);
    assert!(!queue(&server, "ProcessMessage")["paused"].is_null());
    server.stop();

    let server = Server::serve(&project.bundle(), &project.data(), &["--api-token", TOKEN]);
    server.wait_for_log_with(&["Processing message", "kept"]);
    assert!(queue(&server, "ProcessMessage")["paused"].is_null());
}
