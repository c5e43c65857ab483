//! `motia build --self-contained` makes ordinary components: they run in another host, and in ours.

mod support;

use std::{fs, path::Path, process::Command};

use serde_json::{Value, json};
use support::{Project, SLOW, Server, motia, repository, run};

/// Builds a project of the readme and returns the component of its api step.
fn component(project: &Project) -> std::path::PathBuf {
    let mut build = motia(["build", "--self-contained"]);
    build.arg(project.root()).arg("--out").arg(project.bundle());
    let ended = run(&mut build, SLOW);
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    let manifest: Value = serde_json::from_str(&project.manifest()).expect("a manifest in JSON");
    assert_eq!(manifest.get("engines"), None, "{manifest:#}");
    let steps = manifest["steps"].as_array().expect("a list of steps");
    let api = steps.iter().find(|step| step["config"]["type"] == "api").expect("an api step");
    let path = api["code"]["component"]["path"].as_str().expect("a component");
    project.bundle().join(path)
}

/// What another host sees of a component: its config, and what it does with a request.
fn in_another_host(component: &Path) -> Value {
    let found = run(&mut motia(["toolchain", "path", "javascript"]), SLOW);
    let packages = Path::new(found.stdout.trim()).join("node_modules");
    let scratch = tempfile::tempdir().expect("a temporary directory");
    let mut node = Command::new("node");
    node.arg(repository().join("tests/other_host.mjs")).arg(packages).arg(component);
    let ended = run(node.arg(scratch.path()), SLOW);
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("no JSON: {ended:#?}"))
}

#[track_caller]
fn assert_runs_anywhere(project: &Project) {
    let component = component(project);
    let seen = in_another_host(&component);
    assert_eq!(seen["config"]["path"], "/messages", "{seen:#}");
    assert_eq!(seen["response"], json!({ "status": 200, "body": { "ok": true } }));
    assert_eq!(seen["emitted"][0][1]["text"], "hi", "{seen:#}");

    let server = Server::serve(&project.bundle(), &project.data(), &[]);
    let reply = server.post("/messages", &json!({ "text": "hi" }));
    assert_eq!((reply.status, reply.json()), (200, json!({ "ok": true })));
}

#[test]
fn a_typescript_step_runs_in_another_host() {
    // The packages that the other host needs come with the toolchain, which this sets up.
    assert_runs_anywhere(&Project::fixture("readme-typescript"));
}

#[test]
fn a_python_step_runs_in_another_host() {
    Project::fixture("readme-typescript").build();
    assert_runs_anywhere(&Project::fixture("readme-python"));
}

#[test]
fn the_other_form_is_built_again_and_steps_share_one_engine() {
    let project = Project::fixture("readme-typescript");
    let before = fs::metadata(component(&project)).expect("a component").len();
    project.build();
    let manifest: Value = serde_json::from_str(&project.manifest()).expect("a manifest in JSON");
    assert_eq!(manifest["engines"].as_array().map(Vec::len), Some(1), "{manifest:#}");
    for step in manifest["steps"].as_array().expect("a list of steps") {
        let bytes = step["code"]["image"]["bytes"].as_u64().expect("an image");
        assert!(bytes < 1 << 20 && bytes < before / 10, "{bytes} of {before} bytes");
    }
}
