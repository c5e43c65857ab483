//! What a second build does again, and that a bundle depends on nothing but its sources.

mod support;

use std::{
    process,
    time::{SystemTime, UNIX_EPOCH},
};

use serde_json::Value;
use support::Project;

/// A word that no build has seen, so that no cache knows what it is part of.
fn unseen() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a time after 1970");
    format!("unseen {} {}", process::id(), now.as_nanos())
}

/// Whether each step came from the cache, by file.
fn cached(report: &Value) -> Vec<(&str, bool)> {
    let steps = report["steps"].as_array().expect("a list of steps");
    let of_step = |step: &Value| step["cached"].as_bool().expect("whether it is cached");
    steps.iter().map(|step| (step["file"].as_str().expect("a file"), of_step(step))).collect()
}

#[test]
fn a_build_reports_every_step() {
    let report = Project::fixture("readme-typescript").build();
    let steps = report["steps"].as_array().expect("a list of steps");
    let known: Vec<_> = steps
        .iter()
        .map(|step| (&step["file"], &step["name"], &step["type"], &step["language"]))
        .collect();
    assert_eq!(known.len(), 2, "{report:#}");
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let (file, name, kind, language) = known[0];
    assert_eq!(
        [text(file), text(name), text(kind), text(language)],
        ["steps/process-message.step.ts", "ProcessMessage", "event", "typescript"]
    );
    for step in steps {
        assert!(step["bytes"].as_u64().is_some_and(|bytes| bytes > 0), "{step}");
        assert!(step["ms"].is_number(), "{step}");
    }
}

#[test]
fn a_build_of_unchanged_sources_takes_every_step_from_the_cache() {
    let project = Project::fixture("readme-typescript");
    project.build();
    let manifest = project.manifest();
    let report = project.build();
    let all = [("steps/process-message.step.ts", true), ("steps/send-message.step.ts", true)];
    assert_eq!(cached(&report), all);
    assert_eq!(project.manifest(), manifest);
}

#[test]
fn a_build_into_another_directory_forgets_nothing() {
    let project = Project::fixture("readme-typescript");
    project.build();
    let mut other = support::motia(["build"]);
    other.arg(project.root()).arg("--out").arg(project.root().join(".motia/other"));
    let ended = support::run(&mut other, support::SLOW);
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    assert!(cached(&project.build()).iter().all(|(_, cached)| *cached));
}

#[test]
fn a_build_after_an_edit_builds_only_what_changed() {
    let project = Project::fixture("readme-typescript");
    project.build();
    let before = project.manifest();
    project.edit("steps/process-message.step.ts", "Processing message", &unseen());
    let report = project.build();
    let edited = [("steps/process-message.step.ts", false), ("steps/send-message.step.ts", true)];
    assert_eq!(cached(&report), edited);
    assert_ne!(project.manifest(), before);
}

#[test]
fn steps_with_the_same_packages_carry_them_once() {
    let project = Project::fixture("readme-typescript");
    for name in ["First", "Second"] {
        let step = format!(
            "import {{ z }} from 'zod'
            export const config = {{
              type: 'api', name: '{name}', method: 'POST', path: '/{name}', emits: [],
              bodySchema: z.object({{ {name}: z.string() }}),
            }}
            export const handler = async (req: any) => ({{ status: 200, body: req.body }})"
        );
        project.write(&format!("steps/{name}.step.ts"), &step);
    }
    project.build();
    let manifest: Value = serde_json::from_str(&project.manifest()).expect("a manifest in JSON");
    let code = |name: &str| {
        let steps = manifest["steps"].as_array().expect("a list of steps");
        let step = steps.iter().find(|step| step["config"]["name"] == name);
        &step.unwrap_or_else(|| panic!("no {name}: {manifest:#}"))["code"]["image"]
    };
    let (first, second) = (code("First"), code("Second"));
    assert_eq!(first["engine"], second["engine"]);
    assert_ne!(first["engine"], code("SendMessage")["engine"], "{manifest:#}");
    for image in [first, second] {
        assert!(image["bytes"].as_u64().is_some_and(|bytes| bytes < 1_500_000), "{image}");
    }
    assert_eq!(manifest["engines"].as_array().map(Vec::len), Some(2), "{manifest:#}");
}

/// Builds the same sources, which no cache knows, in two directories.
#[track_caller]
fn assert_directory_does_not_matter(project: fn() -> Project, file: &str, text: &str) {
    let (first, second, unseen) = (project(), project(), unseen());
    first.edit(file, text, &unseen);
    second.edit(file, text, &unseen);
    let report = first.build();
    second.build();
    assert!(cached(&report).contains(&(file, false)), "{report:#}");
    assert_eq!(first.manifest(), second.manifest());
    let directory = first.root().to_string_lossy().into_owned();
    assert!(!first.manifest().contains(&directory), "the manifest has the directory");
}

#[test]
fn a_javascript_bundle_is_the_same_in_every_directory() {
    let project = || Project::fixture("readme-javascript");
    assert_directory_does_not_matter(
        project,
        "steps/process-message.step.js",
        "Processing message",
    );
}

#[test]
fn a_rust_bundle_is_the_same_in_every_directory() {
    let project = || Project::example("hello/rust");
    assert_directory_does_not_matter(
        project,
        "steps/process_message_step.rs",
        "Processing message",
    );
}
