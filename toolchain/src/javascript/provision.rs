//! What JavaScript steps are built with: esbuild, the glue, and the engine with the world's bindings.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use include_dir::{Dir, include_dir};
use motia_manifest::Digest;
use motia_sandbox::Sandbox;
use serde::Deserialize;
use wit_component::ComponentEncoder;

use super::{JavaScript, snapshot::INIT};
use crate::{
    BuildError, Finding, Progress, State, Toolchain, cache,
    command::run,
    engine::{self, EngineOnDisk, NewEngine},
    sharing::{self, Image, MainModule},
};

static NODE: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/src/javascript/node");
static GLUE: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../guests/js/src");

/// The files of npm that belong to the project; a `node_modules` beside them does not.
const NODE_FILES: [&str; 3] = ["package.json", "package-lock.json", "splice.mjs"];

/// Where the engine is: beside the packages as it is before it has evaluated anything, and beside the
/// glue with the image of the glue without a step.
const ENGINE: &str = "engine";

/// The digest of everything that the set-up depends on.
pub fn key() -> Digest {
    Digest::of_parts(toolchain_parts().into_iter().chain(cache::parts(&GLUE)))
}

/// The engine depends on less than a component does: the glue may change without a new engine.
fn engine_key() -> Digest {
    Digest::of_parts(toolchain_parts())
}

fn toolchain_parts() -> Vec<&'static [u8]> {
    let node = NODE_FILES.iter().filter_map(|name| NODE.get_file(name));
    let node = node.map(|file| file.contents());
    node.chain(cache::parts(&cache::WIT)).chain([engine::FORM]).collect()
}

/// Where the packages and the engine are, or will be, when they are set up on this machine.
pub fn directory(cache: &Path) -> PathBuf {
    cache.join(name())
}

fn name() -> String {
    format!("javascript-{}", engine_key().short())
}

fn glue_name() -> String {
    format!("javascript-glue-{}", key().short())
}

/// Where a release carries both; source maps and errors take them for neighbours.
fn carried() -> Option<PathBuf> {
    cache::carried(&[&name(), &format!("{}/{ENGINE}", glue_name())])
}

/// The set-up on disk.
pub struct Provisioned {
    root: PathBuf,
    glue: PathBuf,
}

impl Provisioned {
    /// Installs the packages and prepares the engine, once for each version, unless a release
    /// carries them.
    pub fn new(cache: &Path, progress: &dyn Progress) -> Result<Self, BuildError> {
        let home = carried().unwrap_or_else(|| cache.to_owned());
        let (root, glue) = (home.join(name()), home.join(glue_name()));
        cache::once(&root, |directory| provision(directory, progress))?;
        cache::once(&glue, |directory| cache::extract(&GLUE, directory))
            .map_err(|error| BuildError::general(format!("{}: {error}", glue.display())))?;
        Ok(Self { root, glue })
    }

    /// The glue's sources.
    pub fn glue(&self) -> &Path {
        &self.glue
    }

    /// The toolchain's own packages.
    pub fn node_modules(&self) -> PathBuf {
        self.root.join("node_modules")
    }

    /// The bundler: a native program inside its package, which needs no Node.
    pub fn esbuild(&self) -> PathBuf {
        let os = match std::env::consts::OS {
            "macos" => "darwin",
            "windows" => "win32",
            other => other,
        };
        let cpu = match std::env::consts::ARCH {
            "x86_64" => "x64",
            "aarch64" => "arm64",
            other => other,
        };
        let package = self.node_modules().join(format!("@esbuild/{os}-{cpu}"));
        match os {
            "win32" => package.join("esbuild.exe"),
            _ => package.join("bin/esbuild"),
        }
    }

    /// The engine as it is before it has evaluated anything.
    pub fn fresh_engine(&self) -> Result<EngineOnDisk, BuildError> {
        Ok(EngineOnDisk::open(&self.root.join(ENGINE))?)
    }

    /// The engine whose image is the glue without a step, if that is there.
    pub fn engine(&self) -> Result<Option<EngineOnDisk>, BuildError> {
        let directory = self.glue.join(ENGINE);
        Ok(directory.is_dir().then(|| EngineOnDisk::open(&directory)).transpose()?)
    }

    /// Keeps the image without a step, once for each version of the glue.
    pub fn keep_image(&self, image: &Image) -> Result<EngineOnDisk, BuildError> {
        let directory = self.glue.join(ENGINE);
        let fresh = self.fresh_engine()?;
        cache::once(&directory, |directory| fresh.with_image(directory, image))?;
        Ok(EngineOnDisk::open(&directory)?)
    }

    /// A file that the set-up left.
    pub fn engine_file(&self, name: &str) -> Result<Vec<u8>, BuildError> {
        let path = self.root.join(ENGINE).join(name);
        fs::read(&path).map_err(|error| {
            BuildError::general(format!(
                "{}: {error}; delete {} to set up JavaScript again",
                path.display(),
                self.root.display()
            ))
        })
    }

    /// Copies what building steps needs of the set-up, and returns its size.
    fn export(&self, to: &Path) -> Result<u64, BuildError> {
        let root = to.join(name());
        let mut bytes = cache::copy(&self.glue, &to.join(glue_name()))?;
        bytes += cache::copy(&self.root.join(ENGINE), &root.join(ENGINE))?;
        for (path, package) in bundling_packages() {
            let installed = self.root.join(&path);
            if installed.is_dir() || !package.optional {
                bytes += cache::copy(&installed, &root.join(&path))?;
            }
        }
        Ok(bytes)
    }

    /// The variables that the engine reads while it evaluates a step.
    pub fn engine_environment(&self) -> Result<BTreeMap<String, String>, BuildError> {
        serde_json::from_slice(&self.engine_file("environment.json")?)
            .map_err(|error| BuildError::general(format!("environment.json: {error}")))
    }
}

impl Toolchain {
    /// Sets JavaScript up and copies what a release for this platform carries of it into a directory;
    /// returns its size in bytes.
    ///
    /// # Errors
    /// When the set-up fails, or a file cannot be copied.
    pub async fn export_javascript(
        cache: &Path,
        sandbox: &Sandbox,
        to: &Path,
        progress: &dyn Progress,
    ) -> Result<u64, BuildError> {
        JavaScript::new(cache, sandbox, progress).await?.provisioned.export(to)
    }
}

/// npm's lock file.
#[derive(Deserialize)]
struct Lock {
    packages: BTreeMap<String, Package>,
}

/// A package in it.
#[derive(Deserialize)]
struct Package {
    /// Needed only to make the engine.
    #[serde(default)]
    dev: bool,
    /// Not for every platform.
    #[serde(default)]
    optional: bool,
}

/// The packages that are not only for making the engine, by their paths.
fn bundling_packages() -> BTreeMap<String, Package> {
    let lock = NODE.get_file("package-lock.json").expect("embedded with the directory");
    let Lock { mut packages } = serde_json::from_slice(lock.contents()).expect("a constant");
    packages.retain(|path, package| path.starts_with("node_modules/") && !package.dev);
    packages
}

fn provision(directory: &Path, progress: &dyn Progress) -> Result<(), BuildError> {
    if let State::Missing(mend) = node_state() {
        return Err(BuildError::general(format!("JavaScript steps need Node.js: {mend}")));
    }
    progress.begin("setting up JavaScript (once): installing the toolchain's packages");
    for name in NODE_FILES {
        let file = NODE.get_file(name).expect("embedded with the directory");
        fs::write(directory.join(name), file.contents())?;
    }
    // `npm ci` refuses lock files without entries for other platforms' optional packages; `npm
    // install` follows the same lock file and checks the same digests.
    let npm = if cfg!(windows) { "npm.cmd" } else { "npm" };
    let mut install = Command::new(npm);
    install.args(["install", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]);
    // With NODE_ENV=production it would leave out what makes the engine.
    install.arg("--include=dev");
    run(install.current_dir(directory), "npm install")?;
    progress.begin("setting up JavaScript (once): preparing the engine");
    cache::extract(&cache::WIT, &directory.join("wit"))?;
    let mut splice = Command::new("node");
    splice.args(["splice.mjs", ENGINE, "wit"]).current_dir(directory);
    run(&mut splice, "preparing the engine")?;
    share(&directory.join(ENGINE))
}

/// Takes the engine apart into what steps share and the memory with which it starts.
fn share(engine: &Path) -> Result<(), BuildError> {
    let failed = |error: &dyn std::fmt::Display| {
        BuildError::general(format!("the JavaScript engine cannot be shared: {error}"))
    };
    let spliced = fs::read(engine.join("in.wasm"))?;
    let (module, initial) = sharing::shared_module(&spliced).map_err(|e| failed(&e))?;
    // The component's main module has no business with evaluation: the image is its result.
    let main = sharing::without_exports(&spliced, &["_initialize", INIT, "check_init"])
        .map_err(|error| failed(&error))?;
    let template = ComponentEncoder::default()
        .validate(false)
        .module(&main)
        .and_then(|encoder| {
            let adapter = fs::read(engine.join("adapter.wasm"))?;
            encoder.adapter("wasi_snapshot_preview1", &adapter)?.encode()
        })
        .map_err(|error| failed(&format!("{error:#}")))?;
    let component = sharing::share(&template, &MainModule::Imported(&module))
        .map_err(|error| failed(&error))?;
    for made_of in ["in.wasm", "adapter.wasm"] {
        fs::remove_file(engine.join(made_of))?;
    }
    let new = NewEngine {
        name: "javascript",
        template: &template,
        component: &component,
        module: Some(&module),
        image: &initial,
    };
    Ok(EngineOnDisk::create(engine, &new)?)
}

fn node_state() -> State {
    let version = match Command::new("node").arg("--version").output() {
        Ok(output) if output.status.success() => {
            String::from_utf8_lossy(&output.stdout).trim().to_owned()
        }
        _ => return State::Missing("install Node.js 20 or newer, with npm".to_owned()),
    };
    let major = version.trim_start_matches('v').split('.').next().and_then(|m| m.parse().ok());
    match major {
        Some(20u32..) => State::Present(version),
        _ => State::Missing(format!("found {version}; install Node.js 20 or newer")),
    }
}

/// What `motia doctor` says about JavaScript.
pub fn doctor(cache: &Path) -> Vec<Finding> {
    let toolchain =
        |state| Finding { what: "JavaScript and TypeScript toolchain".to_owned(), state };
    if let Some(release) = carried() {
        return vec![toolchain(State::carried(&release.join(name())))];
    }
    let root = directory(cache);
    let ready = match root.is_dir() {
        true => State::Present(root.display().to_string()),
        false => {
            State::Later("set up at the first build of a JavaScript or TypeScript step".into())
        }
    };
    vec![
        Finding { what: "Node.js (only for the one-time set-up)".into(), state: node_state() },
        toolchain(ready),
    ]
}

impl From<std::io::Error> for BuildError {
    fn from(error: std::io::Error) -> Self {
        Self::general(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_carries_what_bundling_needs_and_no_more() {
        let packages = bundling_packages();
        let has = |name: &str| packages.contains_key(&format!("node_modules/{name}"));
        for name in ["esbuild", "@esbuild/linux-x64", "node-buffer", "base64-js", "zod"] {
            assert!(has(name), "{name}");
        }
        for name in ["@bytecodealliance/componentize-js", "@bytecodealliance/jco", "typescript"] {
            assert!(!has(name), "{name}");
        }
    }
}
