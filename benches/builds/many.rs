//! Many projects in one process: what loading them takes, and what memory they keep.
//!
//! Processes of their own load them, so that nothing of the builds counts.

use std::{
    fs,
    path::Path,
    process::Command,
    sync::Arc,
    time::{Duration, Instant},
};

use motia_engine::{Deployment, Engine, EngineOptions, StepIndex};
use motia_manifest::Bundle;
use motia_sandbox::{Compiler, Request, RequestBody, Sandbox};
use motia_store::MemoryStore;

use crate::{
    measure::{Taken, heading, heading_of_times, on_disk, row, size, take, taken, times, value},
    native,
    sources::distinct_step,
    subject::build,
};

const STEPS: u32 = 5;

/// Builds the projects and loads them twice: without and with native code.
pub fn measure(projects: u32) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let [sources, bundles, code] =
        ["sources", "bundles", "code"].map(|name| directory.path().join(name));
    fs::create_dir(&code).expect("a directory for native code");
    heading_of_times(&format!("{projects} projects of {STEPS} steps in JavaScript: motia build"));
    let built: Vec<Taken> = (0..projects)
        .map(|project| build_project(project, &sources, &bundles.join(project.to_string())))
        .collect();
    taken("one of them", &built);
    times("all of them", &[built.iter().map(|taken| taken.wall).sum::<Duration>()]);
    for what in ["no native code is kept", "all native code is kept"] {
        println!("\n{projects} projects of {STEPS} steps are loaded; {what}");
        let program = std::env::current_exe().expect("the path of this program");
        let loaded = Command::new(program).arg("--load").args([&bundles, &code]).status();
        assert!(loaded.is_ok_and(|status| status.success()), "the process with the steps failed");
        size("native code on disk", on_disk(&code));
    }
}

fn build_project(project: u32, sources: &Path, bundle: &Path) -> Taken {
    let root = sources.join(project.to_string());
    fs::create_dir_all(root.join("steps")).expect("a directory for steps");
    for step in 0..STEPS {
        let file = root.join(format!("steps/s{step}.step.js"));
        fs::write(file, distinct_step(project, step)).expect("to write a step");
    }
    build(&root, bundle).0
}

/// The process of its own: loads all bundles, calls a step of each, and prints what that takes.
pub fn load(bundles: &Path, code: &Path) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let before = memory();
    let sandbox = Arc::new(native::sandbox(Compiler::Cranelift, code));
    let deployments = load_all(bundles, code, &sandbox);
    let (loaded, files) = (memory(), open_files());
    let answers = runtime.block_on(call_each(sandbox, &deployments));
    times("the first answer of a project", &answers);
    value("open files", files.to_string());
    heading("resident memory", ["all", "anonymous", "of files"]);
    row("before loading", before);
    row("loaded", loaded);
    row("a step of each project called", memory());
}

fn load_all(bundles: &Path, code: &Path, sandbox: &Sandbox) -> Vec<Arc<Deployment>> {
    let entries = fs::read_dir(bundles).expect("the directory of the bundles");
    let bundles: Vec<Bundle> = entries
        .map(|entry| Bundle::open(&entry.expect("a bundle").path()))
        .collect::<Result<_, _>>()
        .unwrap_or_else(|error| panic!("{error}"));
    heading_of_times("");
    taken("the engine", &[native::load_engines(sandbox, &bundles[0])]);
    let options = native::deployment_options(code);
    let (all, deployments) = take(|| {
        let load = |bundle| native::load(bundle, sandbox, &options, None);
        bundles.into_iter().map(load).collect::<Vec<_>>()
    });
    let steps: usize = deployments.iter().map(|deployment| deployment.steps().len()).sum();
    taken(&format!("all {steps} steps"), &[all]);
    deployments
}

/// Calls the first step of each deployment.
async fn call_each(sandbox: Arc<Sandbox>, deployments: &[Arc<Deployment>]) -> Vec<Duration> {
    let (store, first) = (Arc::new(MemoryStore::default()), Arc::clone(&deployments[0]));
    let engine = Engine::start(sandbox, store, None, first, EngineOptions::default());
    let engine = engine.await.expect("an engine");
    let mut answers = Vec::new();
    for deployment in deployments {
        let started = Instant::now();
        let trace_id = engine.trace_id(None);
        let called = engine.call_api(deployment, StepIndex(0), trace_id, request(), None).await;
        called.unwrap_or_else(|error| panic!("{error}"));
        answers.push(started.elapsed());
    }
    answers
}

fn request() -> Request {
    Request {
        method: "GET".to_owned(),
        path: "/0".to_owned(),
        path_params: Vec::new(),
        query_params: "{}".to_owned(),
        headers: Vec::new(),
        raw_body: Default::default(),
        body: RequestBody::Empty,
    }
}

/// The resident memory of this process: all, anonymous, of files.
fn memory() -> [String; 3] {
    let status = fs::read_to_string("/proc/self/status").expect("a Linux /proc");
    ["VmRSS:", "RssAnon:", "RssFile:"].map(|name| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).expect(name);
        let kib: f64 = line.trim().trim_end_matches(" kB").parse().expect("a number");
        format!("{:.1} MiB", kib / 1024.0)
    })
}

fn open_files() -> usize {
    fs::read_dir("/proc/self/fd").expect("a Linux /proc").count()
}
