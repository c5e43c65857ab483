//! A component that was made against the WIT alone, by the plain command line of componentize-py, is a
//! step like any other.

mod support;

use std::{fs, path::Path, process::Command};

use motia_manifest::Digest;
use serde_json::json;
use support::{SLOW, Server, motia, repository, run};

/// Implements the world `motia:step/step` with nothing of ours.
const APP: &str = r#"
import json

import wit_world
from wit_world.imports import logger, state, types


class WitWorld(wit_world.WitWorld):
    def config(self):
        return json.dumps({"name": "ByHand", "type": "api", "method": "POST", "path": "/by-hand/:id"})

    def handle(self, invocation):
        request = invocation.trigger.value
        logger.log(logger.Level.INFO, "made by hand", json.dumps({"path": request.path}))
        counts = state.update("by-hand", "count", [state.UpdateOp_Increment(("calls", 1.0))])
        body = {
            "params": dict(request.path_params),
            "body": json.loads(request.raw_body),
            "counts": json.loads(counts),
        }
        return types.Response(
            status=201,
            headers=[("x-made", "by hand")],
            body=types.ResponseBody_Json(json.dumps(body)),
        )
"#;

/// Makes the component and returns its bytes.
fn componentize(directory: &Path) -> Vec<u8> {
    let found = run(&mut motia(["toolchain", "path", "python"]), SLOW);
    assert_eq!(found.code, Some(0), "{found:#?}");
    fs::write(directory.join("app.py"), APP).expect("to write the program");
    let mut command = Command::new(found.stdout.trim());
    command.current_dir(directory).arg("-d").arg(repository().join("wit"));
    command.args(["-w", "step", "componentize", "app", "-o", "app.wasm"]);
    let made = run(&mut command, SLOW);
    assert_eq!(made.code, Some(0), "{made:#?}");
    fs::read(directory.join("app.wasm")).expect("the component")
}

#[test]
fn a_component_made_against_the_wit_alone_is_served() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let component = componentize(directory.path());
    let bundle = directory.path().join("bundle");
    fs::create_dir(&bundle).expect("a bundle");
    fs::write(bundle.join("by-hand.wasm"), &component).expect("to write the component");
    let manifest = json!({
        "schemaVersion": 3,
        "steps": [{
            "file": "app.py",
            "language": "component",
            "code": {
                "component": {
                    "path": "by-hand.wasm",
                    "sha256": Digest::of(&component).as_str(),
                    "bytes": component.len(),
                },
            },
            "config": { "name": "ByHand", "type": "api", "method": "POST", "path": "/by-hand/:id" },
        }],
    });
    fs::write(bundle.join("manifest.json"), manifest.to_string()).expect("to write the manifest");

    let server = Server::serve(&bundle, &directory.path().join("data"), &[]);
    for calls in [1, 2] {
        let reply = server.post("/by-hand/7", &json!({ "a": "b" }));
        assert_eq!(
            (reply.status, reply.header("x-made")),
            (201, Some("by hand")),
            "{}",
            reply.text()
        );
        let body = reply.json();
        assert_eq!((&body["params"], &body["body"]), (&json!({ "id": "7" }), &json!({ "a": "b" })));
        assert_eq!(body["counts"]["calls"].as_f64(), Some(f64::from(calls)));
    }
    server.wait_for_log_with(&["made by hand", "/by-hand/7"]);
}
