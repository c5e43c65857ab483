//! A release that carries its toolchains builds where there is neither Node nor Python.

#![cfg(unix)]

mod support;

use std::{fs, os::unix::fs::symlink, path::Path, process::Command};

use motia_toolchain::cache_directory;
use support::{Project, SLOW, motia, run};

/// A command on a machine that has nothing but the release; native code is not compiled again.
fn with_nothing_else<'a>(command: &'a mut Command, machine: &Path) -> &'a mut Command {
    command
        .env("MOTIA_TOOLCHAINS", machine.join("release"))
        .env("MOTIA_CACHE", machine.join("cache"))
        .env("PATH", machine.join("programs"))
}

#[test]
fn a_release_with_its_toolchains_needs_neither_node_nor_python() {
    let machine = tempfile::tempdir().expect("a temporary directory");
    let machine = machine.path();
    for name in ["cache", "programs"] {
        fs::create_dir(machine.join(name)).expect("a directory");
    }
    let mut export = motia(["toolchain", "export"]);
    let exported = run(export.arg(machine.join("release")), SLOW);
    assert_eq!(exported.code, Some(0), "{exported:#?}");
    symlink(cache_directory().join("code"), machine.join("cache/code")).expect("a link");

    for name in ["readme-typescript", "readme-python"] {
        let project = Project::fixture(name);
        let mut build = motia(["build"]);
        build.arg(project.root()).arg("--out").arg(project.bundle());
        let built = run(with_nothing_else(&mut build, machine), SLOW);
        assert_eq!(built.code, Some(0), "{name}: {built:#?}");
    }
    let entries = fs::read_dir(machine.join("cache")).expect("the cache");
    let names: Vec<_> = entries.map(|entry| entry.expect("an entry").file_name()).collect();
    assert_eq!(names, ["code"], "something was set up on this machine");

    let found = run(with_nothing_else(&mut motia(["doctor"]), machine), SLOW);
    assert_eq!(found.stdout.matches("carried by this release").count(), 2, "{found:#?}");
    assert!(!found.stdout.contains("Node"), "{found:#?}");
}

#[test]
fn an_export_goes_to_an_empty_directory() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    fs::write(directory.path().join("file"), "").expect("a file");
    let refused = run(motia(["toolchain", "export"]).arg(directory.path()), SLOW);
    assert_eq!(refused.code, Some(1), "{refused:#?}");
    assert!(refused.stderr.contains("is not empty"), "{refused:#?}");
}
