//! What Python steps are built with: componentize-py in a virtual environment, and the glue.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use include_dir::{Dir, include_dir};
use motia_manifest::Digest;

use crate::{
    BuildError, Finding, Progress, State, cache,
    command::run,
    engine::{self, EngineOnDisk, NewEngine},
    sharing,
};

const REQUIREMENTS: &str = include_str!("requirements.txt");
static GLUE: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../guests/python");

/// What of the glue is part of an engine.
const APP: &str = "motia_app.py";
const PACKAGE: &str = "motia";

/// The digest of everything that shapes a component beside its sources.
pub fn key() -> Digest {
    let glue = GLUE.get_file(APP).into_iter().map(|file| file.contents());
    let package = GLUE.get_dir(PACKAGE).map(cache::parts).unwrap_or_default();
    let parts = cache::parts(&cache::WIT).into_iter().chain(glue).chain(package);
    Digest::of_parts([REQUIREMENTS.as_bytes(), engine::FORM].into_iter().chain(parts))
}

fn directory(cache: &Path) -> PathBuf {
    cache.join(format!("python-{}", Digest::of(REQUIREMENTS.as_bytes()).short()))
}

/// Where componentize-py is, or will be.
pub fn componentize_py(cache: &Path) -> PathBuf {
    script(&directory(cache), "componentize-py")
}

fn script(environment: &Path, name: &str) -> PathBuf {
    match cfg!(windows) {
        true => environment.join("Scripts").join(format!("{name}.exe")),
        false => environment.join("bin").join(name),
    }
}

/// The set-up on disk.
pub struct Provisioned {
    root: PathBuf,
    cache: PathBuf,
}

impl Provisioned {
    /// Installs componentize-py, once for each version.
    pub fn new(cache: &Path, progress: &dyn Progress) -> Result<Self, BuildError> {
        let root = directory(cache);
        // A virtual environment knows its own path, so it is made in its place; a file says that it
        // is complete.
        let complete = root.join("complete");
        let lock = cache::lock(cache, "python")?;
        if !complete.exists() {
            let python = python()?;
            progress.begin("setting up Python (once): installing componentize-py");
            if root.exists() {
                std::fs::remove_dir_all(&root)?;
            }
            let mut venv = Command::new(python);
            run(venv.args(["-m", "venv"]).arg(&root), "making a virtual environment")
                .map_err(with_mend)?;
            let requirements = root.join("requirements.txt");
            std::fs::write(&requirements, REQUIREMENTS)?;
            let mut install = Command::new(script(&root, "python"));
            install
                .args(["-m", "pip", "install", "--disable-pip-version-check", "--no-input"])
                .args(["--quiet", "--require-hashes", "-r"])
                .arg(&requirements);
            run(&mut install, "installing componentize-py")?;
            std::fs::write(&complete, "")?;
            progress.begin("setting up Python (once): making the engine");
        }
        drop(lock);
        Ok(Self { root, cache: cache.to_owned() })
    }

    /// The componentizer.
    pub fn componentize_py(&self) -> PathBuf {
        script(&self.root, "componentize-py")
    }

    /// The engine, made once for each version.
    pub fn engine(&self) -> Result<EngineOnDisk, BuildError> {
        let directory = self.cache.join(format!("python-engine-{}", key().short()));
        cache::once(&directory, |directory| self.make_engine(directory))?;
        Ok(EngineOnDisk::open(&directory)?)
    }

    fn make_engine(&self, directory: &Path) -> Result<(), BuildError> {
        let scratch = tempfile::tempdir()?;
        let [glue, wit, empty] = ["glue", "wit", "empty"].map(|name| scratch.path().join(name));
        cache::extract(&GLUE, &glue)?;
        cache::extract(&cache::WIT, &wit)?;
        // Its `site-packages` are what componentize-py takes for the interpreter's own.
        std::fs::create_dir_all(empty.join("lib/python3/site-packages"))?;
        let component = scratch.path().join("engine.wasm");
        let mut componentize = Command::new(self.componentize_py());
        componentize.env("VIRTUAL_ENV", &empty).arg("-q").arg("-d").arg(&wit);
        componentize.args(["-w", "step", "componentize", "motia_app", "-p"]).arg(&glue);
        run(componentize.arg("-o").arg(&component), "componentize-py")?;
        let failed = |error: sharing::Error| {
            BuildError::general(format!("the Python engine cannot be shared: {error}"))
        };
        let (template, blank) =
            sharing::without_memory(&std::fs::read(&component)?).map_err(failed)?;
        let component = sharing::with_snapshot(&template).map_err(failed)?;
        let new =
            NewEngine { name: "python", template: &template, component: &component, module: None };
        EngineOnDisk::create(directory, &new)?;
        Ok(EngineOnDisk::open(directory)?.set_blank(directory, &blank)?)
    }

    /// The interpreter that installs packages; it never runs a user's code.
    pub fn python(&self) -> PathBuf {
        script(&self.root, "python")
    }

    /// Where packages of projects are kept.
    pub fn cache(&self) -> &Path {
        &self.cache
    }
}

/// Debian's Python comes without what makes environments, and says so at length.
fn with_mend(mut error: BuildError) -> BuildError {
    if error.message.contains("ensurepip") {
        error.message.push_str("\non Debian and Ubuntu: `apt install python3-venv`");
    }
    error
}

/// The Python that makes the virtual environment.
fn python() -> Result<&'static str, BuildError> {
    match find_python() {
        Ok((program, _)) => Ok(program),
        Err(mend) => Err(BuildError::general(format!("Python steps need Python: {mend}"))),
    }
}

fn find_python() -> Result<(&'static str, String), String> {
    let mut old = None;
    for program in ["python3", "python"] {
        let Ok(output) = Command::new(program).arg("--version").output() else { continue };
        let version = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        let minor = version.strip_prefix("Python 3.").and_then(|rest| rest.split('.').next());
        match minor.and_then(|minor| minor.parse().ok()) {
            Some(10u32..) => return Ok((program, version)),
            _ if output.status.success() => old = Some(version),
            _ => {}
        }
    }
    match old {
        Some(version) => Err(format!("found {version}; install Python 3.10 or newer")),
        None => Err("install Python 3.10 or newer, with venv and pip".to_owned()),
    }
}

/// What `motia doctor` says about Python.
pub fn doctor(cache: &Path) -> Vec<Finding> {
    let python = match find_python() {
        Ok((_, version)) => State::Present(version),
        Err(mend) => State::Missing(mend),
    };
    let root = directory(cache);
    let ready = match root.join("complete").exists() {
        true => State::Present(root.display().to_string()),
        false => State::Later("set up at the first build of a Python step".into()),
    };
    vec![
        Finding { what: "Python (only to build)".into(), state: python },
        Finding { what: "Python toolchain (componentize-py)".into(), state: ready },
    ]
}
