//! Finding a Rust toolchain that builds for `wasm32-wasip2`, or getting one.
//!
//! Three ways, in this order: the target is installed (with rustup, or however `rustc` came);
//! rustup can add it; Debian's packages have what it takes. The last is for machines that have no
//! rustup, or on which it reaches nothing: the packages are downloaded and unpacked into the cache
//! directory, not installed, so it needs no root. They lack a standard library for the target, so
//! it is built once from their sources and put where the compiler looks for it; from then on this
//! toolchain is used like any other.
//!
//! A finished toolchain has a stamp, written last, in a directory that is renamed into place as a
//! whole. What an interrupted run left behind is thrown away by the next one.

use std::{
    collections::{BTreeSet, VecDeque},
    env, fmt, fs, io,
    path::{Path, PathBuf},
    process::Command,
};

/// The target that steps are compiled for.
pub const TARGET: &str = "wasm32-wasip2";

/// The oldest minor version of Rust 1 that compiles the `motia` crate.
const OLDEST: u32 = 91;

/// The layout of the directory with Debian's toolchain; another one is not used but made anew.
const LAYOUT: &str = "1";

/// The packages to start from; the libraries that they need and the machine lacks come along.
const PACKAGES: [&str; 6] =
    ["rustc-web", "cargo-web", "rust-web-llvm", "rust-web-src", "libstd-rust-web-dev", "wasi-libc"];

/// Why there is no toolchain.
#[derive(Debug)]
pub enum ProvisionError {
    /// Neither rustup nor Debian's packages can be used here; the text says what was tried.
    Missing(String),
    /// A command could not be started or failed.
    Command {
        /// What it was.
        command: String,
        /// What it said.
        output: String,
    },
    /// The cache directory could not be read or written.
    Io {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl fmt::Display for ProvisionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(tried) => write!(
                f,
                "no Rust toolchain for {TARGET}: {tried}. Install rustup and run `rustup target add {TARGET}`"
            ),
            Self::Command { command, output } => write!(f, "`{command}` failed: {}", output.trim()),
            Self::Io { path, source } => write!(f, "{}: {source}", path.display()),
        }
    }
}

impl std::error::Error for ProvisionError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { source, .. } => Some(source),
            _ => None,
        }
    }
}

type Result<T, E = ProvisionError> = std::result::Result<T, E>;

/// A toolchain that builds for [`TARGET`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RustToolchain {
    version: String,
    origin: Origin,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Origin {
    /// `cargo` and `rustc` from the path.
    Installed,
    /// Debian's packages, unpacked below this directory.
    Debian(PathBuf),
}

/// What there is, for `motia doctor`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// The installed toolchain has the target.
    Installed {
        /// What `rustc --version` says.
        version: String,
    },
    /// Debian's packages were unpacked before.
    Debian {
        /// What `rustc --version` says.
        version: String,
        /// Where they are.
        directory: PathBuf,
    },
    /// Nothing yet, but the first build of a Rust step gets it.
    Obtainable {
        /// How.
        how: String,
    },
    /// Nothing, and no way to get it by itself.
    Missing {
        /// What to do.
        mend: String,
    },
}

/// Finds a toolchain or gets one. `progress` is told what takes long.
pub fn find_or_provision(cache: &Path, progress: &dyn Fn(&str)) -> Result<RustToolchain> {
    if let Some(toolchain) = installed().or_else(|| debian(cache)) {
        return Ok(toolchain);
    }
    let mut tried = Vec::new();
    match add_target(progress) {
        Ok(()) => match installed() {
            Some(toolchain) => return Ok(toolchain),
            None => tried.push(format!("the installed Rust is older than 1.{OLDEST}")),
        },
        Err(error) => tried.push(error.to_string()),
    }
    match provision_debian(cache, progress) {
        Ok(toolchain) => Ok(toolchain),
        Err(error) => {
            tried.push(error.to_string());
            Err(ProvisionError::Missing(tried.join("; ")))
        }
    }
}

/// Says what there is, and changes nothing.
pub fn describe(cache: &Path) -> Status {
    if let Some(RustToolchain { version, .. }) = installed() {
        return Status::Installed { version };
    }
    if let Some(RustToolchain { version, .. }) = debian(cache) {
        return Status::Debian { version, directory: debian_directory(cache) };
    }
    if exists("rustup") {
        return Status::Obtainable { how: format!("`rustup target add {TARGET}`") };
    }
    if ["apt-get", "apt-cache", "dpkg-deb", "cc"].into_iter().all(exists) {
        return Status::Obtainable {
            how: "Debian's packages, unpacked into the cache directory".to_owned(),
        };
    }
    Status::Missing { mend: format!("install rustup and run `rustup target add {TARGET}`") }
}

impl RustToolchain {
    /// A `cargo` for this toolchain, to be given a subcommand.
    pub fn cargo(&self) -> Command {
        let Origin::Debian(prefix) = &self.origin else {
            return Command::new("cargo");
        };
        let mut cargo = Command::new(prefix.join("usr/bin/cargo"));
        for (name, value) in debian_environment(prefix) {
            cargo.env(name, value);
        }
        // Settings of another toolchain that may be in the way.
        cargo.env_remove("RUSTUP_TOOLCHAIN").env_remove("RUSTC_WRAPPER");
        cargo
    }

    /// The same, with flags that keep this machine's paths out of the component: a file of the
    /// project is named relative to `project`, and the same sources give the same bytes anywhere.
    /// `guests` is the directory that holds the `motia` crate.
    pub fn cargo_for(&self, project: &Path, guests: &Path) -> Command {
        let mut flags = vec![remap(project, ""), remap(guests, "motia/")];
        if let Some(home) = cargo_home() {
            flags.push(remap(&home.join("registry/src"), ""));
            flags.push(remap(&home.join("git/checkouts"), ""));
        }
        if let Origin::Debian(prefix) = &self.origin {
            flags.push(remap(&prefix.join(LIBRARY_SOURCES), "/rustc/"));
        }
        let mut cargo = self.cargo();
        cargo.env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f"));
        cargo
    }

    /// What follows `cargo build`.
    pub fn build_args(&self) -> Vec<String> {
        ["--release", "--target", TARGET].map(str::to_owned).to_vec()
    }
}

fn remap(from: &Path, to: &str) -> String {
    format!("--remap-path-prefix={}/={to}", from.display())
}

fn cargo_home() -> Option<PathBuf> {
    env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| env::home_dir().map(|home| home.join(".cargo")))
}

// --- what is installed -------------------------------------------------------------------------

/// The toolchain on the path, where it is new enough and has the target.
fn installed() -> Option<RustToolchain> {
    let version = stdout(Command::new("rustc").arg("--version")).ok()?;
    let libraries =
        stdout(Command::new("rustc").args(["--print", "target-libdir", "--target", TARGET]))
            .ok()?;
    let usable = is_new_enough(&version) && has_std(Path::new(&libraries)) && exists("cargo");
    usable.then_some(RustToolchain { version, origin: Origin::Installed })
}

fn has_std(libraries: &Path) -> bool {
    let Ok(entries) = fs::read_dir(libraries) else {
        return false;
    };
    entries.flatten().any(|entry| {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        name.starts_with("libstd-") && name.ends_with(".rlib")
    })
}

/// Reads `rustc 1.95.0 (59807616e 2026-04-14)`.
fn is_new_enough(version: &str) -> bool {
    let number = version.split(' ').nth(1).unwrap_or_default();
    let mut parts = number.split('.').map_while(|part| part.parse::<u32>().ok());
    (parts.next(), parts.next()) >= (Some(1), Some(OLDEST))
}

fn add_target(progress: &dyn Fn(&str)) -> Result<()> {
    if !exists("rustup") {
        return Err(ProvisionError::Missing("there is no rustup".to_owned()));
    }
    progress(&format!("adding {TARGET} with rustup"));
    stdout(Command::new("rustup").args(["target", "add", TARGET])).map(drop)
}

// --- Debian's packages ---------------------------------------------------------------------------

const STAMP: &str = "motia-toolchain";
const LIBRARIES: &str = "usr/lib/rustlib/wasm32-wasip2/lib";
const LIBRARY_SOURCES: &str = "usr/lib/rustlib/src/rust";

fn debian_directory(cache: &Path) -> PathBuf {
    cache.join("rust-debian")
}

/// The toolchain that an earlier run finished.
fn debian(cache: &Path) -> Option<RustToolchain> {
    let prefix = debian_directory(cache);
    let stamp = fs::read_to_string(prefix.join(STAMP)).ok()?;
    let (layout, version) = stamp.split_once('\n')?;
    let version = version.trim().to_owned();
    (layout == LAYOUT).then_some(RustToolchain { version, origin: Origin::Debian(prefix) })
}

fn provision_debian(cache: &Path, progress: &dyn Fn(&str)) -> Result<RustToolchain> {
    for command in ["apt-get", "apt-cache", "dpkg-query", "dpkg-deb"] {
        if !exists(command) {
            return Err(ProvisionError::Missing(format!(
                "this is not Debian: there is no {command}"
            )));
        }
    }
    if !exists("cc") {
        return Err(ProvisionError::Missing(
            "there is no C compiler to link with; install gcc".to_owned(),
        ));
    }
    let prefix = cache.join(format!("rust-debian.partial-{}", std::process::id()));
    remove_leftovers(cache)?;
    create(&prefix)?;

    unpack(&prefix, &packages()?, progress)?;
    let version = stdout(debian_command(&prefix, "usr/bin/rustc").arg("--version"))?;
    if !is_new_enough(&version) {
        return Err(ProvisionError::Missing(format!(
            "Debian's package lists know only {version}, but 1.{OLDEST} is needed; run `apt-get update`"
        )));
    }
    put_c_library(&prefix)?;
    build_std(&prefix, progress)?;

    let stamp = prefix.join(STAMP);
    fs::write(&stamp, format!("{LAYOUT}\n{version}\n")).map_err(at(&stamp))?;
    put_in_place(&prefix, cache)?;
    debian(cache)
        .ok_or_else(|| ProvisionError::Missing("the unpacked toolchain is incomplete".to_owned()))
}

/// What runs that were cut off left behind. A run that goes on at this moment loses its work, but
/// the cache is never wrong: it fails and says so.
fn remove_leftovers(cache: &Path) -> Result<()> {
    let Ok(entries) = fs::read_dir(cache) else {
        return Ok(());
    };
    for entry in entries.flatten() {
        if entry.file_name().to_string_lossy().starts_with("rust-debian.partial-") {
            fs::remove_dir_all(entry.path()).map_err(at(&entry.path()))?;
        }
    }
    Ok(())
}

/// Another process may have been faster: then its toolchain stays.
fn put_in_place(prefix: &Path, cache: &Path) -> Result<()> {
    let directory = debian_directory(cache);
    if debian(cache).is_some() {
        return fs::remove_dir_all(prefix).map_err(at(prefix));
    }
    if directory.exists() {
        fs::remove_dir_all(&directory).map_err(at(&directory))?;
    }
    fs::rename(prefix, &directory).map_err(at(&directory))
}

/// The packages and the libraries that they need and this machine lacks.
fn packages() -> Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    let mut open: VecDeque<String> = PACKAGES.map(str::to_owned).into();
    while let Some(name) = open.pop_front() {
        if !names.insert(name.clone()) {
            continue;
        }
        for dependency in dependencies(&name)? {
            // The linker is of the same LLVM as the compiler.
            if let Some(version) = dependency.strip_prefix("libllvm") {
                open.push_back(format!("lld-{version}"));
            }
            if is_library(&dependency) && !is_installed(&dependency) {
                open.push_back(dependency);
            }
        }
    }
    Ok(names)
}

fn dependencies(name: &str) -> Result<Vec<String>> {
    let listed = stdout(Command::new("apt-cache").args(["depends", "--important", name]))
        .ok()
        .filter(|listed| !listed.is_empty());
    let Some(listed) = listed else {
        return Err(ProvisionError::Missing(format!(
            "Debian's package lists have no `{name}`; run `apt-get update` as root, or use Debian 12 or later"
        )));
    };
    let lines = listed.lines().filter_map(|line| line.trim().strip_prefix("Depends: "));
    Ok(lines.map(|name| name.trim().to_owned()).collect())
}

fn is_library(name: &str) -> bool {
    name.starts_with("lib") && !name.ends_with("-dev") && !name.contains(':')
}

fn is_installed(name: &str) -> bool {
    stdout(Command::new("dpkg-query").args(["--show", "--showformat=${db:Status-Status}", name]))
        .is_ok_and(|status| status == "installed")
}

fn unpack(prefix: &Path, names: &BTreeSet<String>, progress: &dyn Fn(&str)) -> Result<()> {
    let archives = prefix.join("archives");
    create(&archives)?;
    progress(&format!("downloading {} Debian packages, about 150 MB", names.len()));
    stdout(Command::new("apt-get").current_dir(&archives).arg("download").args(names))?;

    progress("unpacking the Rust toolchain");
    for archive in fs::read_dir(&archives).map_err(at(&archives))?.flatten() {
        stdout(Command::new("dpkg-deb").arg("-x").arg(archive.path()).arg(prefix))?;
    }
    fs::remove_dir_all(&archives).map_err(at(&archives))?;

    // The compiler's own sources are two thirds of it all, and only the library's are needed.
    let sources = fs::canonicalize(prefix.join(LIBRARY_SOURCES)).map_err(at(prefix))?;
    for unneeded in [sources.join("src"), sources.join("compiler"), prefix.join("usr/share")] {
        fs::remove_dir_all(&unneeded).map_err(at(&unneeded))?;
    }
    Ok(())
}

/// `wasm32-wasi` is what Debian calls the C library that this target's standard library sits on.
fn put_c_library(prefix: &Path) -> Result<()> {
    let from = prefix.join("usr/lib/wasm32-wasi");
    let to = prefix.join(LIBRARIES).join("self-contained");
    create(&to)?;
    for name in ["crt1.o", "crt1-command.o", "crt1-reactor.o", "libc.a"] {
        fs::copy(from.join(name), to.join(name)).map_err(at(&from.join(name)))?;
    }
    Ok(())
}

/// Builds the standard library, with a component that proves that all can be linked, and puts it
/// where the compiler looks for it.
fn build_std(prefix: &Path, progress: &dyn Fn(&str)) -> Result<()> {
    progress("compiling the standard library, once: about a minute of one core");
    let seed = prefix.join("seed");
    create(&seed.join("src"))?;
    let manifest = "[package]\nname = \"seed\"\nedition = \"2024\"\n[lib]\ncrate-type = [\"cdylib\"]\n[profile.release]\npanic = \"abort\"\n[workspace]\n";
    for (name, text) in [("Cargo.toml", manifest), ("src/lib.rs", "")] {
        fs::write(seed.join(name), text).map_err(at(&seed.join(name)))?;
    }
    // Steps are linked with link-time optimisation, which needs bitcode.
    let flags =
        format!("-Cembed-bitcode=yes\x1f{}", remap(&prefix.join(LIBRARY_SOURCES), "/rustc/"));
    let mut cargo = debian_command(prefix, "usr/bin/cargo");
    cargo
        .current_dir(&seed)
        .args(["build", "--release", "--target", TARGET, "-Zbuild-std=std,panic_abort"])
        .env("RUSTC_BOOTSTRAP", "1")
        .env("CARGO_ENCODED_RUSTFLAGS", flags)
        .env("CARGO_TARGET_DIR", seed.join("target"));
    stdout(&mut cargo)?;

    let built = seed.join("target").join(TARGET).join("release/deps");
    for entry in fs::read_dir(&built).map_err(at(&built))?.flatten() {
        let path = entry.path();
        if path.extension().is_some_and(|extension| extension == "rlib") {
            fs::copy(&path, prefix.join(LIBRARIES).join(entry.file_name())).map_err(at(&path))?;
        }
    }
    fs::remove_dir_all(&seed).map_err(at(&seed))
}

fn debian_command(prefix: &Path, program: &str) -> Command {
    let mut command = Command::new(prefix.join(program));
    command.envs(debian_environment(prefix));
    command
}

/// The unpacked programs find each other through these variables alone.
fn debian_environment(prefix: &Path) -> Vec<(&'static str, std::ffi::OsString)> {
    let libraries = prefix.join("usr/lib");
    let by_architecture = subdirectories(&libraries, "-linux-gnu");
    let linkers = subdirectories(&libraries, "").into_iter().filter(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with("llvm-")
    });
    let linkers: Vec<_> = linkers.map(|path| path.join("bin")).collect();
    vec![
        ("RUSTC", prefix.join("usr/bin/rustc").into()),
        ("RUSTDOC", prefix.join("usr/bin/rustdoc").into()),
        ("LD_LIBRARY_PATH", before(by_architecture, "LD_LIBRARY_PATH")),
        ("PATH", before(linkers, "PATH")),
    ]
}

fn subdirectories(directory: &Path, suffix: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries
        .filter(|entry| entry.file_name().to_string_lossy().ends_with(suffix))
        .map(|entry| entry.path())
        .collect()
}

/// The directories, then those that the variable has.
fn before(mut directories: Vec<PathBuf>, variable: &str) -> std::ffi::OsString {
    if let Some(current) = env::var_os(variable) {
        directories.extend(env::split_paths(&current));
    }
    env::join_paths(directories).unwrap_or_default()
}

// --- commands and files --------------------------------------------------------------------------

/// Whether there is a command of this name.
fn exists(command: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).any(|directory| directory.join(command).is_file())
}

/// Runs a command and returns what it wrote, without the last newline.
fn stdout(command: &mut Command) -> Result<String> {
    let said = match command.output() {
        Ok(output) if output.status.success() => {
            return Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned());
        }
        Ok(output) => String::from_utf8_lossy(&output.stderr).into_owned(),
        Err(error) => error.to_string(),
    };
    Err(ProvisionError::Command { command: shown(command), output: said })
}

fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or_default();
    let words = std::iter::once(program).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

fn create(directory: &Path) -> Result<()> {
    fs::create_dir_all(directory).map_err(at(directory))
}

fn at(path: &Path) -> impl Fn(io::Error) -> ProvisionError + use<> {
    let path = path.to_owned();
    move |source| ProvisionError::Io { path: path.clone(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_number() {
        assert!(is_new_enough("rustc 1.95.0 (59807616e 2026-04-14)"));
        assert!(is_new_enough("rustc 1.100.0-nightly (0123456 2027-01-01)"));
        assert!(!is_new_enough("rustc 1.9.0"));
        assert!(!is_new_enough("rustc 1.90.1 (0123456 2025-01-01)"));
        assert!(!is_new_enough("no version"));
    }

    #[test]
    fn a_directory_without_a_stamp_is_not_a_toolchain() {
        let cache = env::temp_dir().join(format!("motia-provision-{}", std::process::id()));
        fs::create_dir_all(debian_directory(&cache)).unwrap();
        assert_eq!(debian(&cache), None);

        fs::write(debian_directory(&cache).join(STAMP), format!("{LAYOUT}\nrustc 1.96.0\n"))
            .unwrap();
        assert_eq!(debian(&cache).unwrap().version, "rustc 1.96.0");
        fs::remove_dir_all(cache).unwrap();
    }
}
