//! The first `motia dev` with an engine that has no native code yet: it answers from quickly compiled code,
//! and goes on with better code.

mod support;

use motia_toolchain::cache_directory;
use serde_json::json;
use support::{Project, SLOW, Server, motia, wait_until};

#[test]
fn a_first_start_answers_before_the_engine_is_compiled_well() {
    // The languages are set up already, but nothing is compiled.
    Project::fixture("readme-typescript").build();
    let cache = tempfile::tempdir().expect("a temporary directory");
    let project = Project::example("hello/typescript");
    let mut dev = motia(["dev"]);
    dev.arg(project.root()).args(["--port", "0"]).arg("--data").arg(project.data());
    dev.env("MOTIA_TOOLCHAINS", cache_directory()).env("MOTIA_CACHE", cache.path());
    let server = Server::start(&mut dev);

    const BETTER: &str = "the engine's better native code is ready";
    let answer = || server.post("/messages", &json!({ "text": "hi" })).json();
    assert_eq!(answer(), json!({ "ok": true }));
    assert!(!server.log().contains(BETTER), "the answer waited for it:\n{}", server.log());

    wait_until(SLOW, BETTER, || server.log().contains(BETTER));
    assert_eq!(answer(), json!({ "ok": true }));
    project.edit(
        "steps/send-message.step.ts",
        "return { status: 200, body: { ok: true } }",
        "return { status: 200, body: { ok: true, version: 2 } }",
    );
    wait_until(SLOW, "the edit is served", || answer()["version"] == 2);
}
