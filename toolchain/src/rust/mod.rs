//! Rust: one generated cargo workspace for all steps of a project, so that they share a target
//! directory and their dependencies are compiled once.

mod messages;
mod provision;

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Mutex,
};

use include_dir::{Dir, include_dir};
use motia_manifest::Digest;

use self::provision::{RustToolchain, Status, TARGET};
use crate::{
    BuildError, Finding, Progress, Source, State, cache,
    source::{Compiled, CompiledCode},
};

static GUEST: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../guests/rust/motia");
static MACROS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../guests/rust/motia-macros");

/// The versions with which the `motia` crate was tested: where a project without a lock file starts.
const GUEST_LOCK: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../guests/rust/Cargo.lock"));

/// What every step can use without naming it in the project's `Cargo.toml`.
const DEFAULT_DEPENDENCIES: [(&str, &str); 3] =
    [("schemars", "1"), ("serde", "1"), ("serde_json", "1")];

/// Compiles Rust sources.
pub struct Rust {
    toolchain: RustToolchain,
    guests: PathBuf,
    /// cargo locks the target directory anyway; this keeps the generated workspace consistent.
    building: Mutex<()>,
}

impl Rust {
    /// Sets up what is needed, once for each version.
    pub fn new(cache: &Path, progress: &dyn Progress) -> Result<Self, BuildError> {
        let begin = |what: &str| progress.begin(&format!("setting up Rust (once): {what}"));
        let lock = cache::lock(cache, "rust")?;
        let toolchain = provision::find_or_provision(cache, &begin)
            .map_err(|error| BuildError::general(error.to_string()))?;
        drop(lock);
        let guests = cache.join(format!("rust-guests-{}", Self::version().short()));
        cache::once(&guests, |directory| -> io::Result<()> {
            cache::extract(&GUEST, &directory.join("motia"))?;
            cache::extract(&MACROS, &directory.join("motia-macros"))
        })?;
        Ok(Self { toolchain, guests, building: Mutex::new(()) })
    }

    /// The digest of everything but the sources that shapes a component.
    pub fn version() -> Digest {
        Digest::of_parts(cache::parts(&GUEST).into_iter().chain(cache::parts(&MACROS)))
    }

    /// Compiles one source.
    pub fn compile(&self, project: &Path, source: &Source) -> Result<Compiled, Vec<BuildError>> {
        let one = |error: BuildError| vec![error];
        let io = |error: io::Error| one(BuildError::in_file(&source.file, error.to_string()));
        let _building = self.building.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let workspace = project.join(".motia/rust");
        let name = crate_name(source);
        self.write_crate(project, &workspace, &name, source)?;

        let mut cargo = self.toolchain.cargo_for(project, &self.guests);
        cargo
            .arg("build")
            .args(self.toolchain.build_args())
            .args(["--quiet", "--message-format=json", "--package", &name])
            .arg("--manifest-path")
            .arg(workspace.join("Cargo.toml"))
            .arg("--target-dir")
            .arg(workspace.join("target"))
            .current_dir(project);
        let output = cargo.output().map_err(io)?;
        if !output.status.success() {
            let stdout = String::from_utf8_lossy(&output.stdout);
            let stderr = String::from_utf8_lossy(&output.stderr);
            return Err(messages::errors(project, source, &stdout, &stderr));
        }
        let file = format!("{}.wasm", name.replace('-', "_"));
        let component = workspace.join("target").join(TARGET).join("release").join(file);
        Ok(Compiled {
            code: CompiledCode::Component(fs::read(component).map_err(io)?),
            source_map: None,
            config: None,
            inputs: inputs(project, &workspace, &name, source),
        })
    }

    /// Writes the crate of one step and makes it a member of the workspace.
    fn write_crate(
        &self,
        project: &Path,
        workspace: &Path,
        name: &str,
        source: &Source,
    ) -> Result<(), Vec<BuildError>> {
        let io = |error: io::Error| vec![BuildError::in_file(&source.file, error.to_string())];
        let dependencies = dependencies(project).map_err(|error| vec![error])?;
        let directory = workspace.join("crates").join(name);
        fs::create_dir_all(&directory).map_err(io)?;
        let mut manifest = toml::Table::new();
        let table = |pairs: &[(&str, toml::Value)]| {
            pairs
                .iter()
                .map(|(key, value)| ((*key).to_owned(), value.clone()))
                .collect::<toml::Table>()
        };
        manifest.insert(
            "package".into(),
            table(&[
                ("name", name.into()),
                ("version", "0.0.0".into()),
                ("edition", "2024".into()),
                ("publish", false.into()),
            ])
            .into(),
        );
        manifest.insert(
            "lib".into(),
            table(&[
                ("crate-type", vec!["cdylib"].into()),
                // Absolute, because a relative path would be in the locations of panics.
                ("path", source.path.to_string_lossy().into_owned().into()),
                ("test", false.into()),
                ("doctest", false.into()),
            ])
            .into(),
        );
        let mut all = dependencies;
        let guest = self.guests.join("motia").to_string_lossy().into_owned();
        all.insert("motia".into(), table(&[("path", guest.into())]).into());
        for (crate_name, version) in DEFAULT_DEPENDENCIES {
            all.entry(crate_name).or_insert_with(|| {
                table(&[("version", version.into()), ("features", vec!["derive"].into())]).into()
            });
        }
        // serde_json has no derive.
        if let Some(toml::Value::Table(json)) = all.get_mut("serde_json")
            && json.get("features").is_some_and(|features| *features == vec!["derive"].into())
        {
            json.remove("features");
        }
        manifest.insert("dependencies".into(), all.into());
        write_if_changed(&directory.join("Cargo.toml"), &manifest.to_string()).map_err(io)?;
        self.write_workspace(project, workspace).map_err(io)
    }

    fn write_workspace(&self, project: &Path, workspace: &Path) -> io::Result<()> {
        // Crates of sources that are gone must not break the workspace.
        for entry in fs::read_dir(workspace.join("crates"))? {
            let directory = entry?.path();
            let manifest = fs::read_to_string(directory.join("Cargo.toml")).unwrap_or_default();
            let manifest: toml::Table = manifest.parse().unwrap_or_default();
            let source = manifest.get("lib").and_then(|lib| lib.get("path")?.as_str());
            if !source.is_some_and(|source| Path::new(source).is_file()) {
                fs::remove_dir_all(directory)?;
            }
        }
        let text = "[workspace]\nresolver = \"3\"\nmembers = [\"crates/*\"]\n\n\
                    [profile.release]\nopt-level = \"s\"\nlto = true\ncodegen-units = 1\n\
                    panic = \"abort\"\nstrip = true\n";
        write_if_changed(&workspace.join("Cargo.toml"), text)?;
        let lock = workspace.join("Cargo.lock");
        match (lock.exists(), fs::read(project.join("Cargo.lock"))) {
            (true, _) => Ok(()),
            (false, Ok(own)) => fs::write(lock, own),
            (false, Err(_)) => fs::write(lock, GUEST_LOCK),
        }
    }
}

/// cargo rebuilds what is newer, so an unchanged file keeps its time.
fn write_if_changed(path: &Path, text: &str) -> io::Result<()> {
    match fs::read_to_string(path) {
        Ok(old) if old == text => Ok(()),
        _ => fs::write(path, text),
    }
}

/// A name for cargo: the file's own, and a digest that keeps two folders apart.
fn crate_name(source: &Source) -> String {
    let stem = source.path.file_stem().unwrap_or_default().to_string_lossy();
    let readable: String = stem
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' })
        .collect();
    format!("{}-{}", readable.trim_matches('-'), &Digest::of(source.file.as_bytes()).as_str()[..6])
}

/// The dependencies of the project's `Cargo.toml`, paths made absolute.
fn dependencies(project: &Path) -> Result<toml::Table, BuildError> {
    let path = project.join("Cargo.toml");
    let Ok(text) = fs::read_to_string(&path) else { return Ok(toml::Table::new()) };
    let wrong = |cause: String| BuildError::in_file("Cargo.toml", cause);
    let manifest: toml::Table = text.parse().map_err(|e: toml::de::Error| wrong(e.to_string()))?;
    let mut dependencies = match manifest.get("dependencies") {
        None => toml::Table::new(),
        Some(toml::Value::Table(dependencies)) => dependencies.clone(),
        Some(_) => return Err(wrong("`dependencies` is not a table".into())),
    };
    dependencies.remove("motia");
    for (_, dependency) in &mut dependencies {
        if let Some(toml::Value::String(path)) = dependency.get_mut("path") {
            *path = project.join(&*path).to_string_lossy().into_owned();
        }
    }
    Ok(dependencies)
}

/// What cargo says that the crate was compiled from, and the project's manifest.
fn inputs(project: &Path, workspace: &Path, name: &str, source: &Source) -> Vec<PathBuf> {
    let dep_info = workspace
        .join("target")
        .join(TARGET)
        .join("release")
        .join(format!("{}.d", name.replace('-', "_")));
    let text = fs::read_to_string(dep_info).unwrap_or_default();
    let listed = text.lines().next().and_then(|line| line.split_once(": ")).map_or("", |(_, l)| l);
    // A space in a path is escaped.
    let escaped = listed.replace("\\ ", "\0");
    let mut inputs: Vec<PathBuf> =
        escaped.split(' ').map(|path| PathBuf::from(path.replace('\0', " "))).collect();
    inputs.extend([source.path.clone(), project.join("Cargo.toml"), project.join("Cargo.lock")]);
    inputs.retain(|path| path.starts_with(project) && path.is_file());
    inputs.sort();
    inputs.dedup();
    inputs
}

/// What `motia doctor` says about Rust.
pub fn doctor(cache: &Path) -> Vec<Finding> {
    let state = match provision::describe(cache) {
        Status::Installed { version } => State::Present(version),
        Status::Debian { version, directory } => {
            State::Present(format!("{version} in {}", directory.display()))
        }
        Status::Obtainable { how } => {
            State::Later(format!("set up at the first build of a Rust step, by {how}"))
        }
        Status::Missing { mend } => State::Missing(mend),
    };
    vec![Finding { what: format!("Rust for {TARGET}"), state }]
}
