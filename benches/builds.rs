//! What it takes to build, load and keep steps: time, CPU, bytes and memory.
//!
//! `cargo bench -p motia-cli --profile dev --bench builds`; `-- --help` after it names the options. Toolchains are set up
//! before anything is measured; projects are copies, and native code whose making is measured is kept apart.

#[path = "builds/building.rs"]
mod building;
#[path = "builds/dev.rs"]
mod dev;
#[path = "builds/many.rs"]
mod many;
#[path = "builds/measure.rs"]
mod measure;
#[path = "builds/native.rs"]
mod native;
#[path = "builds/plain.rs"]
mod plain;
#[path = "builds/sources.rs"]
mod sources;
#[path = "builds/subject.rs"]
mod subject;
#[path = "../tests/support/mod.rs"]
mod support;

use std::{
    fs,
    path::{Path, PathBuf},
    thread,
};

use clap::Parser;
use motia_toolchain::{Role, discover};
use subject::Subject;
use support::repository;

/// Measure building, loading and keeping steps.
#[derive(Parser)]
#[command(name = "builds")]
struct Arguments {
    /// The project [default: examples/hello in TypeScript, Python and Rust].
    #[arg(value_parser = project)]
    project: Option<PathBuf>,
    /// Also build and compile a like step with plain componentize-js and componentize-py.
    #[arg(long)]
    plain: bool,
    /// Also build and load many projects of 5 steps; with 200 it takes minutes and 6 GB of temporary space.
    #[arg(long)]
    many: bool,
    /// How many.
    #[arg(long, default_value_t = 200, requires = "many", value_parser = clap::value_parser!(u32).range(1..))]
    projects: u32,
    /// The process of its own that loads the bundles in a directory, with a directory for native code.
    #[arg(long, hide = true, num_args = 2)]
    load: Vec<PathBuf>,
    /// What cargo passes to benchmarks.
    #[arg(long = "bench", hide = true)]
    _bench: bool,
}

/// Reads the argument: the directory of a project with a step.
fn project(text: &str) -> Result<PathBuf, String> {
    let path = fs::canonicalize(text).map_err(|error| {
        format!("{error}; expected a project's absolute path, or one from {}", here().display())
    })?;
    let found = discover(&path).map_err(|error| error.to_string())?;
    match found.sources.iter().any(|source| source.role == Role::Step) {
        true => Ok(path),
        false => Err("no step is in it; expected a project with steps".to_owned()),
    }
}

/// Where cargo runs benchmarks: not where it was started.
fn here() -> PathBuf {
    std::env::current_dir().unwrap_or_default()
}

fn main() {
    let arguments = Arguments::parse();
    if let [bundles, code] = arguments.load.as_slice() {
        return many::load(bundles, code);
    }
    let cores = thread::available_parallelism().map_or(1, usize::from);
    println!("This machine has {cores} cores; whatever else runs on it disturbs the figures.");
    let projects = match arguments.project {
        Some(project) => vec![project],
        None => ["typescript", "python", "rust"]
            .map(|language| repository().join("examples/hello").join(language))
            .to_vec(),
    };
    for project in &projects {
        measure(project, arguments.plain);
    }
    building::twenty_steps();
    if arguments.many {
        many::measure(arguments.projects);
    }
}

/// Everything about one project.
fn measure(project: &Path, plain: bool) {
    let subject = Subject::copy_of(project);
    let build = building::measure(&subject);
    let (load, native) = native::measure(&subject);
    dev::measure(&subject);
    if plain {
        let image = subject.value_step_bytes();
        plain::measure(subject.language(), &plain::Figures { build, image, load, native });
    }
}
