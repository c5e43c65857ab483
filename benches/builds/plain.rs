//! A step that answers with a value, made by plain componentize-js and componentize-py: with the contract alone,
//! without anything of ours in it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use motia_manifest::Language;
use motia_sandbox::{Compiler, Wasm};
use motia_toolchain::{Toolchain, cache_directory};

use crate::{
    measure::{Taken, heading_of_times, median, on_disk, run, size, take, taken, value},
    native,
    support::repository,
};

/// How often a tool is run.
const RUNS: usize = 2;

const JAVASCRIPT: &str = include_str!("plain/step.js");
const COMPONENTIZE: &str = include_str!("plain/componentize.mjs");
const PYTHON: &str = include_str!("plain/app.py");

/// What Motia takes for one step.
pub struct Figures {
    pub build: Duration,
    /// The step's size in a bundle.
    pub image: u64,
    pub load: Duration,
    /// The size of its native code on disk.
    pub native: u64,
}

/// Prints what the plain tool takes, and how many times Motia's figures that is.
pub fn measure(language: Language, ours: &Figures) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let (name, tool) = match language {
        Language::Python => ("componentize-py", Toolchain::componentize_py(&cache_directory())),
        Language::TypeScript | Language::JavaScript => {
            ("componentize-js", Toolchain::javascript_directory(&cache_directory()))
        }
        Language::Rust | Language::Component => {
            println!(
                "\na step in Rust is an ordinary component: there is no plain tool to compare"
            );
            return;
        }
    };
    if !tool.exists() {
        let tool = tool.display();
        println!("\nno plain {name} at {tool}: a release carries the engine instead");
        return;
    }
    heading_of_times(&format!("plain {name}"));
    let component = directory.path().join("plain.wasm");
    let made: Vec<Taken> = (0..RUNS)
        .map(|_| match language {
            Language::Python => componentize_py(&tool, directory.path(), &component),
            _ => componentize_js(&tool, directory.path(), &component),
        })
        .collect();
    taken("a step", &made);
    let component = fs::read(&component).expect("the component");
    size("its component", component.len() as u64);

    let code = tempfile::tempdir().expect("a temporary directory");
    let sandbox = native::sandbox(Compiler::Cranelift, code.path());
    let bytes = component.len() as u64;
    let (loaded, step) = take(|| sandbox.load("plain", &Wasm::from(component)));
    step.unwrap_or_else(|error| panic!("{error}"));
    taken("its native code, Cranelift", &[loaded]);
    let native = on_disk(code.path());
    size("  on disk", native);

    let walls: Vec<Duration> = made.iter().map(|taken| taken.wall).collect();
    let seconds = |time: Duration| time.as_secs_f64();
    ratio(
        "a step: plain to motia build after an edit",
        seconds(median(&walls)),
        seconds(ours.build),
    );
    ratio("bytes: component to image", bytes as f64, ours.image as f64);
    ratio("native code, time: component to image", seconds(loaded.wall), seconds(ours.load));
    ratio("native code, bytes: component to image", native as f64, ours.native as f64);
}

fn ratio(what: &str, plain: f64, ours: f64) {
    value(what, format!("{:.1} to 1", plain / ours));
}

/// `packages` is where the toolchain's packages are.
fn componentize_js(packages: &Path, directory: &Path, component: &Path) -> Taken {
    let source = directory.join("step.js");
    fs::write(&source, JAVASCRIPT).expect("to write the step");
    let mut node = Command::new("node");
    node.args(["--input-type=module", "-e", COMPONENTIZE]).args([&source, &wit()]).arg(component);
    run(node.current_dir(packages)).0
}

fn componentize_py(program: &Path, directory: &Path, component: &Path) -> Taken {
    fs::write(directory.join("app.py"), PYTHON).expect("to write the step");
    let mut componentize = Command::new(program);
    componentize.arg("-q").arg("-d").arg(wit()).args(["-w", "step", "componentize", "app"]);
    run(componentize.arg("-o").arg(component).current_dir(directory)).0
}

/// The contract; absolute, as the tools run elsewhere.
fn wit() -> PathBuf {
    repository().join("wit")
}
