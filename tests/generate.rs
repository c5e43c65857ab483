//! `motia generate` writes steps that build as they are, and describes what was built.

mod support;

use std::fs;

use serde_json::{Value, json};
use support::{Ended, Project, SLOW, SOON, motia, run};

/// `motia generate step` in a project.
fn generate(project: &Project, options: &[&str]) -> Ended {
    let mut command = motia(["generate", "step"]);
    run(command.args(options).current_dir(project.root()), SOON)
}

#[track_caller]
fn generated(project: &Project, options: &[&str], file: &str) -> String {
    let ended = generate(project, options);
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    assert!(ended.stdout.contains(file), "{ended:#?}");
    project.read(file)
}

/// A project without a step.
fn empty() -> Project {
    let project = Project::created("typescript");
    fs::remove_dir_all(project.root().join("steps")).expect("to remove the template's steps");
    project
}

const API: &[&str] = &[
    "CreateOrder",
    "--type=api",
    "--method=post",
    "--path=/shops/:shop/orders",
    "--emits=order.created",
    "--flow=orders",
    "--description=Takes an order",
];

const EVENT: &[&str] = &["ShipOrder", "--type=event", "--subscribes=order.created,order.paid"];

const CRON: &[&str] = &["CountOrders", "--type=cron", "--cron=0 3 * * *"];

const NOOP: &[&str] = &["Approval", "--type=noop", "--subscribes=order.created", "--flow=orders"];

#[test]
fn a_step_of_every_type_builds_and_is_described() {
    let project = empty();
    for (options, file) in [
        (API, "steps/create-order.step.ts"),
        (EVENT, "steps/ship-order.step.ts"),
        (CRON, "steps/count-orders.step.ts"),
        (NOOP, "steps/approval.step.ts"),
    ] {
        generated(&project, &[options, &["--language=ts"]].concat(), file);
    }

    // From the sources, to a file in the project.
    let ended = run(motia(["generate", "openapi"]).arg(project.root()), SLOW);
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    let document: Value =
        serde_json::from_str(&project.read("openapi.json")).expect("an OpenAPI document");
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(document["info"], json!({ "title": "project", "version": "0.1.0" }));
    let paths = document["paths"].as_object().expect("paths");
    assert_eq!(paths.keys().collect::<Vec<_>>(), ["/shops/{shop}/orders"]);
    let operation = &paths["/shops/{shop}/orders"]["post"];
    assert_eq!(operation["operationId"], "CreateOrder");
    assert_eq!(operation["description"], "Takes an order");
    assert_eq!(operation["x-motia-emits"], json!(["order.created"]));
    assert_eq!(operation["parameters"][0]["name"], "shop");
    let body = &operation["requestBody"]["content"]["application/json"]["schema"]["$ref"];
    let pointer = body.as_str().expect("a reference").trim_start_matches('#');
    let schema = document.pointer(pointer).expect("what the reference names");
    assert_eq!(schema["required"], json!(["text"]));
    assert!(operation["responses"]["200"].is_object() && operation["responses"]["400"].is_object());

    // From a bundle, to standard output.
    project.build();
    let options = ["generate", "openapi", "--title=Orders", "--version=2.0.0", "--out=-"];
    let ended = run(motia(options).arg("--bundle").arg(project.bundle()), SOON);
    let described: Value = serde_json::from_str(&ended.stdout)
        .unwrap_or_else(|error| panic!("not one JSON object ({error}): {ended:#?}"));
    assert_eq!(described["info"], json!({ "title": "Orders", "version": "2.0.0" }));
    assert_eq!(described["paths"], document["paths"]);
}

#[test]
fn every_language_has_its_own_form() {
    let project = empty();
    let of = |options: &[&str], language, file| {
        generated(&project, &[options, &["--language", language]].concat(), file)
    };
    let javascript = of(API, "javascript", "steps/create-order.step.js");
    assert!(javascript.contains("await emit({ topic: 'order.created', data: req.body })"));
    assert!(!javascript.contains("import"), "{javascript}");
    let python = of(EVENT, "python", "steps/ship_order_step.py");
    assert!(python.contains("\"subscribes\": [\"order.created\", \"order.paid\"],"), "{python}");
    assert!(python.contains("async def handler(input, context):"), "{python}");
    let rust = of(CRON, "rust", "steps/count_orders_step.rs");
    assert!(rust.contains("#[motia::cron(") && rust.contains("cron = \"0 3 * * *\""), "{rust}");
    let noop = of(NOOP, "rust", "steps/approval_step.rs");
    assert!(noop.contains("virtual_subscribes = [\"order.created\"]"), "{noop}");
    assert!(!noop.contains("fn "), "{noop}");
}

#[test]
fn what_the_build_would_refuse_is_refused_by_the_options_name() {
    let project = empty();
    let refused = |options: &[&str]| {
        let ended = generate(&project, options);
        assert_eq!(ended.code, Some(1), "{ended:#?}");
        ended.stderr
    };
    assert!(refused(&["A", "--language=ts"]).contains("--type: is missing"));
    assert!(refused(&["A", "--type=noop"]).contains("--language: is missing"));
    let api = refused(&["A", "--language=ts", "--type=api", "--path=a", "--cron=* * * * *"]);
    for option in ["--path: ", "--method: is missing", "--cron: "] {
        assert!(api.contains(option), "{api}");
    }
    assert!(refused(&["A", "--language=ts", "--type=cron", "--cron=soon"]).contains("--cron: "));
    let elsewhere = refused(&["A", "--language=ts", "--type=noop", "--dir=lib"]);
    assert!(elsewhere.contains("`steps` or `src`"), "{elsewhere}");
    assert!(!project.root().join("steps").exists());

    let file = "steps/approval.step.ts";
    generated(&project, &[NOOP, &["--language=ts"]].concat(), file);
    project.write(file, "// somebody's work\n");
    assert!(refused(&[NOOP, &["--language=ts"]].concat()).contains("not overwritten"));
    assert_eq!(project.read(file), "// somebody's work\n");
}
