//! The guests' own tests, in their own languages.

mod support;

use std::{path::Path, process::Command};

use support::{Project, SLOW, repository, run};

fn passes(command: &mut Command) {
    let ended = run(command, SLOW * 2);
    assert_eq!(ended.code, Some(0), "{ended:#?}");
}

/// Where cargo builds, so that other builds are neither disturbed nor repeated.
fn target(name: &str) -> std::path::PathBuf {
    let binary = Path::new(env!("CARGO_BIN_EXE_motia"));
    let target = binary.parent().and_then(Path::parent).expect("target/debug/motia");
    target.join(name)
}

#[test]
fn the_javascript_glue_passes_its_tests() {
    // A build sets up the packages that the tests use.
    Project::fixture("readme-javascript").build();
    let ended = run(&mut support::motia(["toolchain", "path", "javascript"]), SLOW);
    let packages = Path::new(ended.stdout.trim()).join("node_modules");
    passes(
        Command::new("node")
            .args(["--test", "test/glue.test.mjs", "test/hooks.test.mjs", "test/types.test.mjs"])
            .env("MOTIA_NODE_MODULES", packages)
            .current_dir(repository().join("guests/js")),
    );
}

#[test]
fn the_python_glue_passes_its_tests() {
    passes(
        Command::new("python3")
            .args(["-B", "-m", "unittest", "discover", "-s", "tests"])
            .current_dir(repository().join("guests/python")),
    );
}

#[test]
fn the_rust_crates_pass_their_tests() {
    passes(
        Command::new("cargo")
            .args(["test", "--locked", "--quiet"])
            .env("CARGO_TARGET_DIR", target("guests"))
            .current_dir(repository().join("guests/rust")),
    );
}
