//! The project that is measured.

use std::{
    cell::Cell,
    fs,
    io::Write,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use motia_manifest::{Bundle, Code, Language};
use motia_toolchain::{Role, Source, discover};
use serde_json::Value;
use tempfile::TempDir;

use crate::{
    measure::{Taken, run},
    sources::{VALUE_NAME, value_step},
    support::{copy_directory, motia},
};

/// Runs `motia build`; returns its report.
pub fn build(project: &Path, bundle: &Path) -> (Taken, Value) {
    let (taken, output) = run(motia(["build", "--json"]).arg(project).arg("--out").arg(bundle));
    (taken, serde_json::from_slice(&output).expect("a report in JSON"))
}

/// Deletes all that was built.
pub fn clean(project: &Path, bundle: &Path) {
    for made in [project.join(".motia"), bundle.to_owned()] {
        if made.exists() {
            fs::remove_dir_all(&made).unwrap_or_else(|error| panic!("{}: {error}", made.display()));
        }
    }
}

/// A copy of a project, with one more step whose answer is a value.
pub struct Subject {
    name: String,
    directory: TempDir,
    edited: Source,
    value: Cell<u32>,
}

impl Subject {
    pub fn copy_of(project: &Path) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let root = directory.path().join("project");
        copy_directory(project, &root);
        let packages = project.join("node_modules");
        if packages.is_dir() {
            symlink(packages, root.join("node_modules")).expect("a link to the packages");
        }
        let sources = discover(&root).unwrap_or_else(|error| panic!("{error}")).sources;
        let mut steps = sources.into_iter().filter(|source| source.role == Role::Step);
        let subject = Self {
            name: project.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            directory,
            edited: steps.next().expect("a project with a step"),
            value: Cell::new(0),
        };
        fs::create_dir_all(root.join("steps")).expect("a directory for steps");
        subject.next_value();
        subject
    }

    /// What it is called in tables.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The language of its first step, and of the one with the value.
    pub fn language(&self) -> Language {
        self.edited.language
    }

    /// The file of its first step.
    pub fn edited_file(&self) -> &str {
        &self.edited.file
    }

    /// The project's directory.
    pub fn root(&self) -> PathBuf {
        self.directory.path().join("project")
    }

    /// The data directory of its server.
    pub fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    /// Where the files that its steps read are laid out.
    pub fn files(&self) -> PathBuf {
        self.directory.path().join("files")
    }

    fn bundle_directory(&self) -> PathBuf {
        self.directory.path().join("dist")
    }

    /// Builds it.
    pub fn build(&self) -> (Taken, Value) {
        build(&self.root(), &self.bundle_directory())
    }

    /// Deletes all that was built of it.
    pub fn clean(&self) {
        clean(&self.root(), &self.bundle_directory());
    }

    /// What was built last.
    pub fn bundle(&self) -> Bundle {
        Bundle::open(&self.bundle_directory()).unwrap_or_else(|error| panic!("{error}"))
    }

    /// Appends a comment to its first step.
    pub fn edit(&self) {
        let comment = if self.language() == Language::Python { "#" } else { "//" };
        let file = fs::File::options().append(true).open(&self.edited.path);
        file.and_then(|mut file| writeln!(file, "{comment} edited")).expect("to edit a step");
    }

    /// Changes the value of the step that answers with one; returns it.
    pub fn next_value(&self) -> u32 {
        let value = self.value.get() + 1;
        self.value.set(value);
        let (file, source) = value_step(self.language(), value);
        fs::write(self.root().join(file), source).expect("to write a step");
        value
    }

    /// The size in the bundle of the step that answers with a value.
    pub fn value_step_bytes(&self) -> u64 {
        let bundle = self.bundle();
        let step = bundle.manifest().steps.iter().find(|step| step.config.name == VALUE_NAME);
        let code = step.and_then(|step| step.code.as_ref());
        code.map(Code::artifact).expect("the step with the value").bytes
    }
}
