//! Scripts that drive a real browser on the Workbench: those in `tests/workbench/`.
//!
//! The browser is the program that `CHROMIUM` names, or the first of the usual names on the `PATH`. What npm installs for
//! the scripts is kept beside what cargo builds, so that only the first run needs the network.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use super::{SLOW, Server, copy_directory, repository, run};

/// The names that Chromium has.
const BROWSERS: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

/// Node.js with a script and the host's address; more arguments may follow.
pub fn browse(script: &str, server: &Server) -> Command {
    let mut command = Command::new("node");
    command.arg(script).arg(server.url()).current_dir(scripts()).env("CHROMIUM", chromium());
    command
}

/// A directory with the scripts and what they import.
fn scripts() -> &'static Path {
    static SCRIPTS: OnceLock<PathBuf> = OnceLock::new();
    SCRIPTS.get_or_init(|| {
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("workbench");
        let installed = directory.join("installed.json");
        copy_directory(&repository().join("tests/workbench"), &directory);
        let wanted = fs::read(directory.join("package-lock.json")).expect("the packages");
        if fs::read(&installed).ok().as_ref() != Some(&wanted) {
            let npm = ["ci", "--no-audit", "--no-fund", "--ignore-scripts"];
            let ended = run(Command::new("npm").args(npm).current_dir(&directory), SLOW);
            assert_eq!(ended.code, Some(0), "npm ci: {}\n{}", ended.stdout, ended.stderr);
            fs::write(installed, wanted).expect("to write");
        }
        directory
    })
}

fn chromium() -> PathBuf {
    if let Some(named) = env::var_os("CHROMIUM") {
        return named.into();
    }
    let paths = env::var_os("PATH").unwrap_or_default();
    let found = BROWSERS.iter().find_map(|name| {
        env::split_paths(&paths).map(|path| path.join(name)).find(|file| file.is_file())
    });
    found.unwrap_or_else(|| {
        panic!(
            "no Chromium: `apt-get install chromium`, or name a program in the variable CHROMIUM"
        )
    })
}
