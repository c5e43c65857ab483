//! What native code takes: of an engine, and of one more step.

use std::{io, path::Path, sync::Arc, time::Duration};

use motia_engine::{Deployment, DeploymentOptions};
use motia_manifest::{Artifact, Bundle};
use motia_sandbox::{Compiler, EngineParts, Limits, OutgoingHttp, Sandbox, SandboxOptions, Wasm};

use crate::{
    measure::{Taken, heading_of_times, median, on_disk, size, take, taken},
    subject::Subject,
};

/// How many changed steps are loaded.
const CHANGES: usize = 5;

/// Prints what both compilers take; returns the time to load a changed step, and its native code's size
/// on disk, with Cranelift.
pub fn measure(subject: &Subject) -> (Duration, u64) {
    loading(subject, Compiler::WinchFirst, "Winch first");
    loading(subject, Compiler::Cranelift, "Cranelift")
}

fn loading(subject: &Subject, compiler: Compiler, compiler_name: &str) -> (Duration, u64) {
    let code = tempfile::tempdir().expect("a temporary directory");
    let sandbox = sandbox(compiler, code.path());
    let options = deployment_options(&subject.files());
    let bundle = subject.bundle();
    heading_of_times(&format!("{}: native code, {compiler_name}", subject.name()));
    if !bundle.manifest().engines.is_empty() {
        taken("the engine", &[load_engines(&sandbox, &bundle)]);
        size("  on disk", on_disk(code.path()));
    }
    let what = format!("all {} steps", bundle.manifest().steps.len());
    let (all, mut deployment) = take(|| load(bundle, &sandbox, &options, None));
    taken(&what, &[all]);

    let mut loaded = Vec::new();
    let mut gained = Vec::new();
    for _ in 0..CHANGES {
        subject.next_value();
        subject.build();
        let (bundle, before) = (subject.bundle(), on_disk(code.path()));
        let (step, next) = take(|| load(bundle, &sandbox, &options, Some(&deployment)));
        deployment = next;
        loaded.push(step);
        gained.push(on_disk(code.path()).saturating_sub(before));
    }
    taken("one changed step", &loaded);
    size("  on disk", median(&gained));
    let walls: Vec<Duration> = loaded.iter().map(|taken| taken.wall).collect();
    (median(&walls), median(&gained))
}

/// A sandbox like that of `motia serve`, with native code of its own.
pub fn sandbox(compiler: Compiler, code: &Path) -> Sandbox {
    let options = SandboxOptions {
        compiler,
        code_directory: Some(code.to_owned()),
        instances: 128,
        ..SandboxOptions::default()
    };
    Sandbox::new(&options).unwrap_or_else(|error| panic!("{error}"))
}

/// What `motia serve` grants by default.
pub fn deployment_options(files: &Path) -> DeploymentOptions {
    DeploymentOptions {
        environment: Vec::new(),
        outgoing_http: OutgoingHttp::Listed(Vec::new()),
        strict_responses: false,
        files_directory: files.to_owned(),
        api_limits: Limits::default(),
        background_limits: Limits::background(),
    }
}

/// Loads a bundle that can be loaded.
pub fn load(
    bundle: Bundle,
    sandbox: &Sandbox,
    options: &DeploymentOptions,
    before: Option<&Deployment>,
) -> Arc<Deployment> {
    Deployment::load(bundle, sandbox, options, before).unwrap_or_else(|error| panic!("{error}"))
}

/// Loads a bundle's engines and no step.
pub fn load_engines(sandbox: &Sandbox, bundle: &Bundle) -> Taken {
    let engines = bundle.manifest().engines.iter().map(|engine| EngineParts {
        component: wasm(bundle, &engine.component),
        module: engine.module.as_ref().map(|module| wasm(bundle, module)),
    });
    let (taken, ()) = take(|| {
        for engine in engines {
            sandbox.engine(&engine).unwrap_or_else(|error| panic!("{error}"));
        }
    });
    taken
}

/// A file of a bundle, read when its native code is not kept.
fn wasm(bundle: &Bundle, artifact: &Artifact) -> Wasm {
    let (bundle, artifact) = (bundle.clone(), artifact.clone());
    Wasm::new(artifact.sha256.clone(), move || bundle.read(&artifact).map_err(io::Error::other))
}
