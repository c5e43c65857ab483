//! Python: the step, its project and its packages, loaded into a running interpreter.
//!
//! componentize-py spends nearly all of its time on the interpreter, so it runs once (`provision.rs`)
//! and makes an engine: interpreter, standard library and glue. A step is what the engine's memory
//! holds after it has loaded the step, in the sandbox.

mod packages;
mod provision;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use motia_manifest::{Digest, Language};
use motia_sandbox::{
    CallError, Evaluated, Limits, Sandbox, SeenDirectory, SharedEngine, Snapshot, StepComponent,
    Wasm,
};
use serde::Deserialize;
use serde_json::{Value, json};
use walkdir::{DirEntry, WalkDir};

use self::provision::Provisioned;
use crate::{
    BuildError, Position, Progress, Source,
    discover::discover,
    engine::EngineOnDisk,
    sharing::Image,
    source::{Compiled, CompiledCode},
};

pub use provision::{componentize_py, doctor};

/// The largest file of a project that a step can read while it is evaluated at build.
const STAGED_BYTES: u64 = 4 << 20;

/// What evaluation may use.
const TIME: Duration = Duration::from_secs(60);
const MEMORY: usize = 512 << 20;

/// Compiles Python sources.
pub struct Python {
    provisioned: Provisioned,
    sandbox: Arc<Sandbox>,
    engine: Arc<EngineOnDisk>,
    shared: Arc<SharedEngine>,
    blank: StepComponent,
    /// The engine without a step.
    initial: Snapshot,
}

impl Python {
    /// Sets up what is needed, once for each version.
    pub async fn new(
        cache: &Path,
        sandbox: Arc<Sandbox>,
        progress: &dyn Progress,
    ) -> Result<Self, BuildError> {
        let failed = |error: &dyn std::fmt::Display| {
            BuildError::general(format!("the Python engine cannot be used: {error}"))
        };
        let provisioned = Provisioned::new(cache, progress)?;
        let engine = provisioned.engine()?;
        let parts = engine.parts();
        if !sandbox.has_engine(&parts) {
            progress.begin("setting up Python (once): compiling the engine");
        }
        let shared = sandbox.engine(&parts).map_err(|error| failed(&error))?;
        let blank = sandbox
            .load_image("python", &shared, &engine.image())
            .map_err(|error| failed(&error))?;
        let initial = sandbox.snapshot(&blank).await.map_err(|error| failed(&error))?;
        Ok(Self { provisioned, sandbox, engine: Arc::new(engine), shared, blank, initial })
    }

    /// The digest of everything but the sources that shapes a component.
    pub fn version() -> Digest {
        provision::key()
    }

    /// Compiles one source.
    pub async fn compile(
        &self,
        project: &Path,
        source: &Source,
        progress: &dyn Progress,
    ) -> Result<Compiled, Vec<BuildError>> {
        let one = |error: BuildError| vec![error];
        let in_file = |message: String| vec![BuildError::in_file(&source.file, message)];
        let packages = packages::install(&self.provisioned, project, progress)?;
        let staged = tempfile::tempdir().map_err(|error| one(error.into()))?;
        let directories =
            stage(staged.path(), project, source, packages).map_err(|error| one(error.into()))?;
        let limits = Limits { cpu: TIME, wall_clock: TIME, memory: MEMORY, ..Limits::background() };
        let evaluated = self.sandbox.evaluate(&self.blank, &directories, limits).await;
        let evaluated = evaluated.map_err(|error| match error {
            CallError::Timeout(limit) | CallError::Cpu(limit) => in_file(format!(
                "the top level of the module did not end within {} s",
                limit.as_secs()
            )),
            CallError::Trap(cause) => {
                in_file(format!("the module ended the process while it was evaluated: {cause}"))
            }
            error => in_file(format!("the module cannot be evaluated: {error}")),
        })?;
        let report: Report = serde_json::from_str(&evaluated.report)
            .map_err(|error| in_file(format!("the report of the evaluation: {error}")))?;
        if let Some(error) = &report.error {
            return Err(vec![error.explain(project, source)]);
        }
        if evaluated.snapshot.globals != self.initial.globals {
            let message = "the engine changed a global, which an image cannot hold";
            return Err(in_file(message.to_owned()));
        }
        let image = Image::of(&evaluated.snapshot.memory);
        Ok(Compiled {
            config: Some(self.config(source, &report, evaluated, &image).await?),
            code: CompiledCode::Image(Arc::clone(&self.engine), image),
            source_map: None,
            inputs: inputs(project, source),
        })
    }

    /// The config, if need be from a second attempt in which missing variables have a placeholder:
    /// a module that is evaluated late may refuse to start without its variables.
    async fn config(
        &self,
        source: &Source,
        report: &Report,
        evaluated: Evaluated,
        image: &Image,
    ) -> Result<Value, Vec<BuildError>> {
        let in_file = |message: String| vec![BuildError::in_file(&source.file, message)];
        let failure = match evaluated.config {
            Ok(json) => {
                return serde_json::from_str(&json).map_err(|error| in_file(error.to_string()));
            }
            Err(failure) => failure,
        };
        let message = without_file(&failure.message, source);
        if !report.reads.iter().any(|read| read.what == "env") {
            return Err(in_file(message));
        }
        let step = self
            .sandbox
            .load_image(&source.file, &self.shared, &Wasm::from(image.module()))
            .map_err(|error| in_file(error.to_string()))?;
        let placeholders = vec![("MOTIA_CONFIG_PLACEHOLDERS".to_owned(), "1".to_owned())];
        match self.sandbox.config(&step, placeholders).await {
            Ok(json) => serde_json::from_str(&json).map_err(|error| in_file(error.to_string())),
            Err(_) => Err(in_file(message)),
        }
    }
}

/// Lays out what the engine sees: copies, because not all of a project is to be seen.
fn stage(
    scratch: &Path,
    project: &Path,
    source: &Source,
    packages: Option<PathBuf>,
) -> std::io::Result<Vec<SeenDirectory>> {
    let (entry, copies) = (scratch.join("entry"), scratch.join("project"));
    fs::create_dir_all(&entry)?;
    fs::create_dir_all(&copies)?;
    let described = json!({ "file": source.file, "kind": source.role.name() });
    fs::write(entry.join("entry.json"), described.to_string())?;
    for file in project_files(project) {
        let copy = copies.join(file.strip_prefix(project).unwrap_or(&file));
        if let Some(parent) = copy.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::copy(&file, &copy)?;
        // The interpreter looks at it, and its memory is to be the same every time.
        fs::File::options().append(true).open(&copy)?.set_modified(SystemTime::UNIX_EPOCH)?;
    }
    let seen = [("/0", Some(entry)), ("/2", Some(copies)), ("/3", packages)];
    let seen = seen.into_iter().filter_map(|(seen_as, directory)| {
        Some(SeenDirectory { directory: directory?, seen_as: seen_as.to_owned() })
    });
    Ok(seen.collect())
}

fn without_file(message: &str, source: &Source) -> String {
    message.strip_prefix(&format!("{}: ", source.file)).unwrap_or(message).to_owned()
}

#[derive(Deserialize)]
struct Report {
    reads: Vec<Read>,
    error: Option<GuestError>,
}

#[derive(Deserialize)]
struct Read {
    what: String,
}

#[derive(Deserialize)]
struct GuestError {
    name: String,
    message: String,
    stack: Option<String>,
    file: Option<String>,
    line: Option<u32>,
    missing: Option<String>,
}

impl GuestError {
    fn explain(&self, project: &Path, source: &Source) -> BuildError {
        let file = self.file.clone().unwrap_or_else(|| source.file.clone());
        let message = match (&self.missing, self.name.as_str()) {
            (Some(module), _) => {
                let package = module.split('.').next().unwrap_or(module);
                format!(
                    "there is no module `{module}`; if it is a package, add `{package}` to requirements.txt"
                )
            }
            (None, "" | "InvalidStep" | "StepError") => without_file(&self.message, source),
            (None, name) => format!("{name}: {}", self.message),
        };
        let error = BuildError::in_file(&file, message);
        match self.line {
            None => match &self.stack {
                Some(stack) if self.file.is_none() && !stack.is_empty() => {
                    BuildError { message: format!("{}\n{stack}", error.message), ..error }
                }
                _ => error,
            },
            Some(line) => {
                let text = fs::read_to_string(project.join(&file)).unwrap_or_default();
                let excerpt = text.lines().nth(line.saturating_sub(1) as usize).map(str::to_owned);
                error.at(Position { line, column: None, excerpt })
            }
        }
    }
}

/// The files that a Python step can see while it is evaluated: all but sources of other languages,
/// what tools leave behind, and whatever may hold a secret.
fn project_files(project: &Path) -> Vec<PathBuf> {
    let wanted = |entry: &DirEntry| {
        let name = entry.file_name().to_string_lossy();
        if entry.depth() == 0 {
            return true;
        }
        if entry.file_type().is_dir() {
            return !name.starts_with('.')
                && !matches!(
                    name.as_ref(),
                    "node_modules" | "dist" | "target" | "__pycache__" | "venv" | "python_modules"
                );
        }
        // It names all steps, so every step would depend on every other one.
        let types = name == "motia_types.py";
        !types
            && !name.starts_with('.')
            && ![".ts", ".tsx", ".js", ".jsx", ".rs", ".lock", ".wasm", ".pyc"]
                .iter()
                .any(|extension| name.ends_with(extension))
    };
    let walk = WalkDir::new(project).sort_by_file_name().into_iter().filter_entry(wanted);
    walk.filter_map(Result::ok)
        .filter(|entry| entry.file_type().is_file())
        .filter(|entry| entry.metadata().is_ok_and(|file| file.len() <= STAGED_BYTES))
        .map(DirEntry::into_path)
        .collect()
}

/// What a step's component depends on: all that it can see, except other steps that no file names.
fn inputs(project: &Path, source: &Source) -> Vec<PathBuf> {
    let files = project_files(project);
    let others: Vec<Source> = discover(project)
        .map(|found| found.sources)
        .unwrap_or_default()
        .into_iter()
        .filter(|other| other.language == Language::Python && other.file != source.file)
        .collect();
    let texts: Vec<(PathBuf, String)> = files
        .iter()
        .filter(|file| file.extension().is_some_and(|extension| extension == "py"))
        .filter_map(|file| Some((file.clone(), fs::read_to_string(file).ok()?)))
        .collect();
    let unnamed = |file: &PathBuf| {
        let stem = file.file_stem().unwrap_or_default().to_string_lossy();
        others.iter().any(|other| other.path == *file)
            && !texts.iter().any(|(path, text)| path != file && text.contains(stem.as_ref()))
    };
    files.into_iter().filter(|file| !unnamed(file)).collect()
}
