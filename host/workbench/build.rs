//! Builds the web interface with Vite and lists its files for the library.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, exit},
};

fn main() {
    for input in
        ["src", "index.html", "package.json", "package-lock.json", "vite.config.ts", "compress.mjs"]
    {
        println!("cargo:rerun-if-changed=web/{input}");
    }
    let web = Path::new("web");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let built = out.join("web");
    check_node();
    install(web);
    run(
        Command::new("node")
            .current_dir(web)
            .args(["node_modules/vite/bin/vite.js", "build", "--logLevel", "warn", "--emptyOutDir"])
            .arg("--outDir")
            .arg(&built),
        "see the errors above",
    );
    run(Command::new("node").arg("web/compress.mjs").arg(&built), "see the errors above");
    let mut paths = Vec::new();
    files(&built, "", &mut paths);
    paths.sort();
    let list: String = paths.iter().map(|path| entry(&built, path)).collect();
    fs::write(out.join("assets.rs"), format!("static ASSETS: &[Asset] = &[\n{list}];\n"))
        .unwrap_or_else(|error| fail(&format!("cannot write the list of files: {error}")));
}

/// Refuses what Vite refuses with a longer message.
fn check_node() {
    const MEND: &str = "the Workbench is built with Node.js 20 or later and npm; install them, for example with \
                        `apt-get install nodejs npm`";
    let Ok(version) = Command::new("node").arg("--version").output() else { fail(MEND) };
    let version = String::from_utf8_lossy(&version.stdout).trim().to_owned();
    let major =
        version.trim_start_matches('v').split('.').next().and_then(|part| part.parse().ok());
    if major.is_none_or(|major: u32| major < 20) {
        fail(&format!("node is {version}: {MEND}"));
    }
}

/// Installs the packages that the lock file names, unless they are there.
fn install(web: &Path) {
    let lock = fs::read(web.join("package-lock.json"))
        .unwrap_or_else(|error| fail(&format!("web/package-lock.json: {error}")));
    let installed = web.join("node_modules/.installed");
    if fs::read(&installed).is_ok_and(|known| known == lock) {
        return;
    }
    run(
        Command::new("npm").current_dir(web).args([
            "ci",
            "--no-audit",
            "--no-fund",
            "--loglevel=error",
        ]),
        "npm must be installed and reach its registry",
    );
    // Without it the packages are installed again the next time, which does no harm.
    let _ = fs::write(installed, lock);
}

/// The paths of all files, with `/`, without those that are compressed.
fn files(directory: &Path, prefix: &str, paths: &mut Vec<String>) {
    let entries = fs::read_dir(directory)
        .unwrap_or_else(|error| fail(&format!("{}: {error}", directory.display())));
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = format!("{prefix}{name}");
        if entry.path().is_dir() {
            files(&entry.path(), &format!("{path}/"), paths);
        } else if !name.ends_with(".br") && !name.ends_with(".gz") {
            paths.push(path);
        }
    }
}

fn entry(built: &Path, path: &str) -> String {
    let content_type = match path.rsplit_once('.').map(|(_, extension)| extension) {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("woff2") => "font/woff2",
        Some("json" | "map") => "application/json",
        _ => "application/octet-stream",
    };
    let file = |extension: &str| built.join(format!("{path}{extension}"));
    format!(
        "    Asset {{ path: {path:?}, content_type: {content_type:?}, plain: include_bytes!({:?}), \
         brotli: include_bytes!({:?}), gzip: include_bytes!({:?}) }},\n",
        file(""),
        file(".br"),
        file(".gz"),
    )
}

fn run(command: &mut Command, mend: &str) {
    match command.status() {
        Ok(status) if status.success() => {}
        Ok(status) => fail(&format!("{command:?} ended with {status}: {mend}")),
        Err(error) => fail(&format!("{command:?}: {error}: {mend}")),
    }
}

fn fail(message: &str) -> ! {
    eprintln!("error: {message}");
    exit(1)
}
