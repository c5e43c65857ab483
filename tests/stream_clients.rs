//! The published clients of streams, installed from npm as projects install them, against the real server.
//!
//! The packages are kept beside what cargo builds, so that only the first run needs the network.

mod support;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::{Arc, OnceLock},
};

use support::{Project, Running, SLOW, Shared, copy_directory, repository, run};

static SHARED: Shared<Running> = Shared::new();

fn running() -> Arc<Running> {
    SHARED.get(|| Running::start(Project::fixture("streams"), &[]))
}

/// A directory with the clients and the scripts that use them.
fn clients() -> &'static Path {
    static CLIENTS: OnceLock<PathBuf> = OnceLock::new();
    CLIENTS.get_or_init(|| {
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("stream-clients");
        let installed = directory.join("installed.json");
        copy_directory(&repository().join("tests/fixtures/stream-clients"), &directory);
        let wanted = fs::read(directory.join("package.json")).expect("the packages");
        if fs::read(&installed).ok().as_ref() != Some(&wanted) {
            let npm = ["install", "--no-audit", "--no-fund", "--no-package-lock"];
            succeed(Command::new("npm").args(npm).current_dir(&directory));
            fs::write(installed, wanted).expect("to write");
        }
        // Those for browsers are written for a bundler.
        succeed(
            Command::new(directory.join("node_modules/.bin/esbuild"))
                .args(["browser.mjs", "react.jsx"])
                .args(["--bundle", "--platform=node", "--format=cjs", "--jsx=automatic"])
                .args(["--external:ws", "--external:jsdom", "--log-level=warning"])
                .args(["--outdir=bundled", "--out-extension:.js=.cjs"])
                .current_dir(&directory),
        );
        directory
    })
}

#[track_caller]
fn succeed(command: &mut Command) {
    let ended = run(command, SLOW);
    assert_eq!(ended.code, Some(0), "{command:?}: {}\n{}", ended.stdout, ended.stderr);
}

#[track_caller]
fn works(script: &str) {
    let running = running();
    succeed(Command::new("node").arg(script).arg(running.server.url()).current_dir(clients()));
}

#[test]
fn the_client_for_browsers_works_unchanged() {
    works("bundled/browser.cjs");
}

#[test]
fn the_client_for_node_works_unchanged() {
    works("node.mjs");
}

#[test]
fn the_hooks_for_react_work_unchanged() {
    works("bundled/react.cjs");
}
