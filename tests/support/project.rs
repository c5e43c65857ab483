//! A copy of a project, so that no test touches the source tree.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;
use tempfile::TempDir;

use super::{Ended, SLOW, motia, run};

/// What is made while a project is developed, and not copied.
const MADE: [&str; 5] = ["dist", "target", "node_modules", ".motia", "__pycache__"];

/// The root of this repository.
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A project in a directory of its own, beside its bundle and its data.
pub struct Project {
    directory: TempDir,
}

impl Project {
    /// A copy of `tests/fixtures/NAME`.
    #[track_caller]
    pub fn fixture(name: &str) -> Self {
        Self::copy_of(&repository().join("tests/fixtures").join(name))
    }

    /// A copy of `examples/NAME`.
    #[track_caller]
    pub fn example(name: &str) -> Self {
        Self::copy_of(&repository().join("examples").join(name))
    }

    /// A project that `motia create` makes.
    #[track_caller]
    pub fn created(language: &str) -> Self {
        let project = Self { directory: tempfile::tempdir().expect("a temporary directory") };
        let ended = project.create(language);
        assert_eq!(ended.code, Some(0), "{ended:#?}");
        project
    }

    /// `motia create` for this project's directory.
    pub fn create(&self, language: &str) -> Ended {
        let mut command = motia(["create", "project", "--yes", "--language", language]);
        run(command.current_dir(self.directory.path()), SLOW)
    }

    #[track_caller]
    fn copy_of(source: &Path) -> Self {
        let project = Self { directory: tempfile::tempdir().expect("a temporary directory") };
        copy_directory(source, &project.root());
        project
    }

    /// The project's directory.
    pub fn root(&self) -> PathBuf {
        self.directory.path().join("project")
    }

    /// Where its bundle is built to.
    pub fn bundle(&self) -> PathBuf {
        self.directory.path().join("dist")
    }

    /// Where a server may keep its data.
    pub fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    /// The content of one of its files.
    #[track_caller]
    pub fn read(&self, file: &str) -> String {
        let path = self.root().join(file);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// Writes one of its files.
    #[track_caller]
    pub fn write(&self, file: &str, content: &str) {
        let path = self.root().join(file);
        fs::write(&path, content).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }

    /// Replaces text that must be in one of its files.
    #[track_caller]
    pub fn edit(&self, file: &str, from: &str, to: &str) {
        let text = self.read(file);
        assert!(text.contains(from), "{file} does not contain `{from}`:\n{text}");
        self.write(file, &text.replace(from, to));
    }

    /// `motia build`, with what it printed for people.
    pub fn build_for_people(&self) -> Ended {
        run(motia(["build"]).arg(self.root()).arg("--out").arg(self.bundle()), SLOW)
    }

    /// `motia build --json` and its exit code.
    #[track_caller]
    pub fn try_build(&self) -> (Option<i32>, Value) {
        let mut command = motia(["build", "--json"]);
        let ended = run(command.arg(self.root()).arg("--out").arg(self.bundle()), SLOW);
        let report = serde_json::from_str(&ended.stdout);
        let report =
            report.unwrap_or_else(|error| panic!("not one JSON object ({error}): {ended:#?}"));
        (ended.code, report)
    }

    /// Builds a project that has no errors.
    #[track_caller]
    pub fn build(&self) -> Value {
        let (code, report) = self.try_build();
        assert_eq!((code, &report["ok"]), (Some(0), &Value::Bool(true)), "{report:#}");
        report
    }

    /// The manifest of its bundle, byte for byte.
    #[track_caller]
    pub fn manifest(&self) -> String {
        let path = self.bundle().join("manifest.json");
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }
}

/// Copies the files of a directory but for what is made while developing.
#[track_caller]
pub fn copy_directory(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap_or_else(|error| panic!("{}: {error}", to.display()));
    let entries = fs::read_dir(from).unwrap_or_else(|error| panic!("{}: {error}", from.display()));
    for entry in entries {
        let entry = entry.expect("an entry of a directory");
        let target = to.join(entry.file_name());
        if MADE.contains(&entry.file_name().to_string_lossy().as_ref()) {
            continue;
        }
        if entry.file_type().expect("a file's type").is_dir() {
            copy_directory(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), &target).expect("a copy of a file");
        }
    }
}

/// The number, from 1, of the only line that contains `part`.
#[track_caller]
pub fn line_of(text: &str, part: &str) -> usize {
    let mut found = text.lines().enumerate().filter(|(_, line)| line.contains(part));
    match (found.next(), found.next()) {
        (Some((index, _)), None) => index + 1,
        other => panic!("`{part}` is not on exactly one line: {other:?}\n{text}"),
    }
}
