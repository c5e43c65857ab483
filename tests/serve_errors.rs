//! What `motia serve` refuses to start with, and what it says.

mod support;

use std::{fs, net::TcpListener, path::Path};

use serde_json::Value;
use support::{Ended, Project, SLOW, Server, motia, run};

fn built() -> Project {
    let project = Project::fixture("readme-javascript");
    project.build();
    project
}

/// What the server says when it does not start.
#[track_caller]
fn refusal(bundle: &Path, data: &Path, address: &str) -> String {
    let mut command = motia(["serve"]);
    command.arg(bundle).args(["--addr", address]).arg("--data").arg(data);
    let Ended { code, stdout, stderr } = run(&mut command, SLOW);
    assert_eq!(code, Some(1), "{stdout}\n{stderr}");
    assert!(!stdout.contains("listening on"), "{stdout}");
    stderr
}

/// The path of the first step's code, relative to the bundle.
fn code(project: &Project) -> String {
    let manifest: Value = serde_json::from_str(&project.manifest()).expect("a manifest in JSON");
    let path = &manifest["steps"][0]["code"]["image"]["path"];
    path.as_str().unwrap_or_else(|| panic!("no image: {manifest:#}")).to_owned()
}

#[test]
fn a_bundle_with_a_changed_byte_is_refused_with_the_files_name() {
    let project = built();
    let code = code(&project);
    let file = project.bundle().join(&code);
    let mut content = fs::read(&file).expect("an image");
    let middle = content.len() / 2;
    content[middle] ^= 1;
    fs::write(&file, content).expect("to change the image");
    let refusal = refusal(&project.bundle(), &project.data(), "127.0.0.1:0");
    assert!(refusal.contains(&code) && refusal.contains("changed"), "{refusal}");
}

#[test]
fn a_bundle_with_a_missing_file_is_refused_with_the_files_name() {
    let project = built();
    let code = code(&project);
    fs::remove_file(project.bundle().join(&code)).expect("to remove the image");
    let refusal = refusal(&project.bundle(), &project.data(), "127.0.0.1:0");
    assert!(refusal.contains(&code), "{refusal}");
}

#[test]
fn a_directory_that_is_no_bundle_is_refused() {
    let project = Project::fixture("readme-javascript");
    let refusal = refusal(&project.root(), &project.data(), "127.0.0.1:0");
    assert!(refusal.contains("is not a bundle") && refusal.contains("motia build"), "{refusal}");
}

#[test]
fn a_data_directory_in_use_is_refused() {
    let project = built();
    let server = Server::serve(&project.bundle(), &project.data(), &[]);
    let refusal = refusal(&project.bundle(), &project.data(), "127.0.0.1:0");
    let directory = project.data().to_string_lossy().into_owned();
    assert!(refusal.contains("in use") && refusal.contains(&directory), "{refusal}");
    assert_eq!(server.get("/__motia/health").status, 200);
}

#[test]
fn a_port_in_use_is_refused_with_its_address() {
    let project = built();
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("an address").to_string();
    let refusal = refusal(&project.bundle(), &project.data(), &address);
    assert!(refusal.contains("in use") && refusal.contains(&address), "{refusal}");
}

#[test]
fn data_of_another_program_is_refused_and_left_alone() {
    let project = built();
    let database = project.data().join("core.db");
    fs::create_dir_all(project.data()).expect("a data directory");
    fs::write(&database, "not a database, but somebody's notes").expect("to write a file");
    let refusal = refusal(&project.bundle(), &project.data(), "127.0.0.1:0");
    assert!(refusal.contains("core.db"), "{refusal}");
    let kept = fs::read_to_string(&database).expect("the file");
    assert_eq!(kept, "not a database, but somebody's notes");
}
