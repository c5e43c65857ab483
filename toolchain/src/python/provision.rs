//! What Python steps are built with: componentize-py in a virtual environment, and the glue.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use include_dir::{Dir, include_dir};
use motia_manifest::Digest;

use crate::{
    BuildError, Finding, Progress, State, Toolchain, cache,
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

fn engine_name() -> String {
    format!("python-engine-{}", key().short())
}

/// Where a release carries the engine, if it does.
fn carried() -> Option<PathBuf> {
    cache::carried(&[&engine_name()])
}

/// The set-up on disk.
pub struct Provisioned {
    engine: PathBuf,
    cache: PathBuf,
}

impl Provisioned {
    /// Makes the engine, once for each version, unless a release carries it.
    pub fn new(cache: &Path, progress: &dyn Progress) -> Result<Self, BuildError> {
        let home = carried().unwrap_or_else(|| cache.to_owned());
        let engine = home.join(engine_name());
        cache::once(&engine, |directory| make_engine(cache, directory, progress))?;
        Ok(Self { engine, cache: cache.to_owned() })
    }

    /// The engine.
    pub fn engine(&self) -> Result<EngineOnDisk, BuildError> {
        Ok(EngineOnDisk::open(&self.engine)?)
    }

    /// The interpreter that installs packages; it never runs a user's code.
    pub fn python(&self, progress: &dyn Progress) -> Result<PathBuf, BuildError> {
        Ok(script(&environment(&self.cache, progress)?, "python"))
    }

    /// Where packages of projects are kept.
    pub fn cache(&self) -> &Path {
        &self.cache
    }
}

impl Toolchain {
    /// Sets Python up and copies what a release carries of it into a directory; returns its size in
    /// bytes.
    ///
    /// # Errors
    /// When the set-up fails, or a file cannot be copied.
    pub fn export_python(
        cache: &Path,
        to: &Path,
        progress: &dyn Progress,
    ) -> Result<u64, BuildError> {
        let provisioned = Provisioned::new(cache, progress)?;
        Ok(cache::copy(&provisioned.engine, &to.join(engine_name()))?)
    }
}

/// The virtual environment with componentize-py and pip, made once for each version.
fn environment(cache: &Path, progress: &dyn Progress) -> Result<PathBuf, BuildError> {
    let root = directory(cache);
    // A virtual environment knows its own path, so it is made in its place; a file says that it is
    // complete.
    let complete = root.join("complete");
    let _lock = cache::lock(cache, "python")?;
    if complete.exists() {
        return Ok(root);
    }
    let python = python()?;
    progress.begin("setting up Python (once): installing componentize-py");
    if root.exists() {
        std::fs::remove_dir_all(&root)?;
    }
    let mut venv = Command::new(python);
    run(venv.args(["-m", "venv"]).arg(&root), "making a virtual environment").map_err(with_mend)?;
    let requirements = root.join("requirements.txt");
    std::fs::write(&requirements, REQUIREMENTS)?;
    let mut install = Command::new(script(&root, "python"));
    install
        .args(["-m", "pip", "install", "--disable-pip-version-check", "--no-input"])
        .args(["--quiet", "--require-hashes", "-r"])
        .arg(&requirements);
    run(&mut install, "installing componentize-py")?;
    std::fs::write(&complete, "")?;
    Ok(root)
}

fn make_engine(cache: &Path, directory: &Path, progress: &dyn Progress) -> Result<(), BuildError> {
    let environment = environment(cache, progress)?;
    progress.begin("setting up Python (once): making the engine");
    let scratch = tempfile::tempdir()?;
    let [glue, wit, empty] = ["glue", "wit", "empty"].map(|name| scratch.path().join(name));
    cache::extract(&GLUE, &glue)?;
    cache::extract(&cache::WIT, &wit)?;
    // Its `site-packages` are what componentize-py takes for the interpreter's own.
    std::fs::create_dir_all(empty.join("lib/python3/site-packages"))?;
    let component = scratch.path().join("engine.wasm");
    let mut componentize = Command::new(script(&environment, "componentize-py"));
    componentize.env("VIRTUAL_ENV", &empty).arg("-q").arg("-d").arg(&wit);
    componentize.args(["-w", "step", "componentize", "motia_app", "-p"]).arg(&glue);
    run(componentize.arg("-o").arg(&component), "componentize-py")?;
    let failed = |error: sharing::Error| {
        BuildError::general(format!("the Python engine cannot be shared: {error}"))
    };
    let (template, blank) = sharing::without_memory(&std::fs::read(&component)?).map_err(failed)?;
    let component = sharing::with_snapshot(&template).map_err(failed)?;
    let new = NewEngine {
        name: "python",
        template: &template,
        component: &component,
        module: None,
        image: &blank,
    };
    Ok(EngineOnDisk::create(directory, &new)?)
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
        Err(mend) => {
            Err(BuildError::general(format!("setting up Python steps needs Python: {mend}")))
        }
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
    let carried = carried();
    let python = match (find_python(), &carried) {
        (Ok((_, version)), _) => State::Present(version),
        (Err(mend), Some(_)) => State::Optional(mend),
        (Err(mend), None) => State::Missing(mend),
    };
    let what = match carried {
        Some(_) => "Python (only to install the packages of requirements.txt)",
        None => "Python (only to build)",
    };
    let engine = cache.join(engine_name());
    let ready = match carried {
        Some(release) => State::carried(&release.join(engine_name())),
        None if engine.is_dir() => State::Present(engine.display().to_string()),
        None => State::Later("set up at the first build of a Python step".into()),
    };
    vec![
        Finding { what: what.into(), state: python },
        Finding { what: "Python toolchain".into(), state: ready },
    ]
}
