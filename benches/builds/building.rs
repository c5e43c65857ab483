//! How long builds take, and what they write.

use std::{fs, time::Duration};

use motia_manifest::{Artifact, Bundle, Code, EngineFiles, Manifest};

use crate::{
    measure::{Taken, heading_of_times, median, size, taken, times},
    sources::typescript_step,
    subject::{Subject, build, clean},
};

/// How often a project is built from nothing.
const COLD: usize = 3;

/// How often it is built after an edit, and without one.
const EDITS: usize = 10;

/// Prints times and sizes; returns how long a build with one edited step takes.
pub fn measure(subject: &Subject) -> Duration {
    println!("\n{}: setting up its language, if that was never done", subject.name());
    subject.build();
    heading_of_times(&format!("{}: motia build", subject.name()));
    cold(subject);
    let again = |change: fn(&Subject)| -> Vec<Taken> {
        let built = (0..EDITS).map(|_| {
            change(subject);
            subject.build().0
        });
        built.collect()
    };
    let edited = again(Subject::edit);
    taken(&format!("after an edit of {}", subject.edited_file()), &edited);
    taken("unchanged", &again(|_| ()));
    sizes(subject.bundle().manifest());
    median(&edited.iter().map(|taken| taken.wall).collect::<Vec<_>>())
}

/// All steps from nothing, and each of them.
fn cold(subject: &Subject) {
    let builds: Vec<_> = (0..COLD)
        .map(|_| {
            subject.clean();
            subject.build()
        })
        .collect();
    taken("cold", &builds.iter().map(|(taken, _)| *taken).collect::<Vec<_>>());
    let steps = builds[0].1["steps"].as_array().expect("steps");
    for (i, step) in steps.iter().enumerate() {
        let ms = |report: &serde_json::Value| report["steps"][i]["ms"].as_u64().unwrap_or(0);
        let all: Vec<_> =
            builds.iter().map(|(_, report)| Duration::from_millis(ms(report))).collect();
        times(&format!("  {}", step["file"].as_str().expect("a file")), &all);
    }
}

fn sizes(manifest: &Manifest) {
    for step in &manifest.steps {
        let (Some(code), file) = (&step.code, &step.file) else { continue };
        let what = match code {
            Code::Image(_) => "image",
            Code::Component(_) => "component",
        };
        size(&format!("{what} of {file}"), code.artifact().bytes);
        if let Some(map) = &step.source_map {
            size(&format!("source map of {file}"), map.bytes);
        }
    }
    if !manifest.engines.is_empty() {
        size("engines, once in a bundle", engines(manifest));
    }
}

fn engines(manifest: &Manifest) -> u64 {
    bytes(manifest.engines.iter().flat_map(EngineFiles::artifacts))
}

fn bytes<'a>(artifacts: impl Iterator<Item = &'a Artifact>) -> u64 {
    artifacts.map(|artifact| artifact.bytes).sum()
}

/// A project with 20 steps in TypeScript, half of them with zod.
pub fn twenty_steps() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let (root, bundle) = (directory.path().join("project"), directory.path().join("dist"));
    fs::create_dir_all(root.join("steps")).expect("a directory for steps");
    for number in 0..20 {
        let file = root.join(format!("steps/step-{number}.step.ts"));
        fs::write(file, typescript_step(number)).expect("to write a step");
    }
    build(&root, &bundle);
    let built: Vec<Taken> = (0..COLD)
        .map(|_| {
            clean(&root, &bundle);
            build(&root, &bundle).0
        })
        .collect();
    heading_of_times("20 steps in TypeScript, 10 with zod: motia build");
    taken("cold", &built);
    let bundle = Bundle::open(&bundle).unwrap_or_else(|error| panic!("{error}"));
    let manifest = bundle.manifest();
    size(
        "images",
        bytes(manifest.steps.iter().filter_map(|s| s.code.as_ref()).map(Code::artifact)),
    );
    size("source maps", bytes(manifest.steps.iter().filter_map(|s| s.source_map.as_ref())));
    size("engine", engines(manifest));
    size("all of the bundle but its manifest", bytes(manifest.artifacts()));
}
