//! Python: the step, its project and its packages, snapshotted by componentize-py.

mod packages;
mod provision;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use motia_manifest::{Digest, Language};
use serde::Deserialize;
use walkdir::{DirEntry, WalkDir};

use self::provision::Provisioned;
use crate::{
    BuildError, Position, Progress, Source, cache,
    discover::discover,
    source::{Compiled, CompiledCode},
};

pub use provision::{componentize_py, doctor};

/// The largest file of a project that a step can read while it is evaluated at build.
const STAGED_BYTES: u64 = 4 << 20;

/// Compiles Python sources.
pub struct Python {
    provisioned: Provisioned,
}

impl Python {
    /// Sets up what is needed, once for each version.
    pub async fn new(
        cache: &Path,
        _sandbox: std::sync::Arc<motia_sandbox::Sandbox>,
        progress: &dyn Progress,
    ) -> Result<Self, BuildError> {
        Ok(Self { provisioned: Provisioned::new(cache, progress)? })
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
        let packages = packages::install(&self.provisioned, project, progress)?;
        let scratch = tempfile::tempdir().map_err(|error| one(error.into()))?;
        let staged = Staged::new(scratch.path(), project, source, packages.is_some())
            .map_err(|error| one(error.into()))?;
        let component = scratch.path().join("component.wasm");
        let output = staged
            .command(&self.provisioned, packages.as_deref(), &component)
            .output()
            .map_err(|error| one(error.into()))?;
        let report = staged.report();
        if let Some(error) = report.as_ref().and_then(|report| report.error.as_ref()) {
            return Err(vec![error.explain(project, source)]);
        }
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            let said = said.split("Stack backtrace:").next().unwrap_or_default().trim();
            return Err(vec![BuildError::in_file(
                &source.file,
                format!("componentize-py failed: {said}"),
            )]);
        }
        Ok(Compiled {
            code: CompiledCode::Component(fs::read(&component).map_err(|error| one(error.into()))?),
            source_map: None,
            config: None,
            inputs: inputs(project, source),
        })
    }
}

/// The directories that componentize-py is shown: copies, because the step's top level runs there
/// and could write.
struct Staged {
    entry: PathBuf,
    glue: PathBuf,
    project: PathBuf,
    wit: PathBuf,
    empty: PathBuf,
}

impl Staged {
    fn new(
        scratch: &Path,
        project: &Path,
        source: &Source,
        with_packages: bool,
    ) -> std::io::Result<Self> {
        let staged = Self {
            entry: scratch.join("entry"),
            glue: scratch.join("glue"),
            project: scratch.join("project"),
            wit: scratch.join("wit"),
            empty: scratch.join("empty"),
        };
        fs::create_dir_all(&staged.entry)?;
        fs::create_dir_all(staged.empty.join("lib/python3/site-packages"))?;
        let text = |text: &str| serde_json::Value::from(text).to_string();
        let site = if with_packages { "\"/3\"" } else { "None" };
        let entry = format!(
            "FILE = {}\nKIND = {}\nPROJECT = \"/2\"\nSITE = {site}\n",
            text(&source.file),
            text(source.role.name()),
        );
        fs::write(staged.entry.join("motia_entry.py"), entry)?;
        cache::extract(&provision::GLUE, &staged.glue)?;
        cache::extract(&cache::WIT, &staged.wit)?;
        for file in project_files(project) {
            let relative = file.strip_prefix(project).unwrap_or(&file);
            let copy = staged.project.join(relative);
            if let Some(parent) = copy.parent() {
                fs::create_dir_all(parent)?;
            }
            fs::copy(&file, copy)?;
        }
        Ok(staged)
    }

    /// The order of `-p` is part of the contract: the n-th directory is seen as `/n`.
    fn command(&self, provisioned: &Provisioned, packages: Option<&Path>, out: &Path) -> Command {
        let mut command = Command::new(provisioned.componentize_py());
        command.env("VIRTUAL_ENV", &self.empty).env("PYTHONHASHSEED", "0").arg("-q");
        command.arg("-d").arg(&self.wit).args(["-w", "step", "componentize", "motia_app"]);
        let directories = [self.entry.as_path(), &self.glue, &self.project];
        for directory in directories.into_iter().chain(packages) {
            command.arg("-p").arg(directory);
        }
        command.arg("-o").arg(out);
        command
    }

    fn report(&self) -> Option<Report> {
        let report = fs::read(self.entry.join("motia_report.json")).ok()?;
        serde_json::from_slice(&report).ok()
    }
}

#[derive(Deserialize)]
struct Report {
    error: Option<GuestError>,
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
            (None, "" | "InvalidStep" | "StepError") => {
                let prefix = format!("{}: ", source.file);
                self.message.strip_prefix(&prefix).unwrap_or(&self.message).to_owned()
            }
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
        !name.starts_with('.')
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
