//! Types for editors and type checkers, from the configs of a built project.
//!
//! One file for each language of the project's steps, at the project's root: `types.d.ts`, `motia_types.py`,
//! `motia_types.rs`. They say what a handler is given, answers and emits; none of them runs.

mod interface;
mod python;
mod rust;
#[cfg(test)]
mod samples;
mod schema;
mod typescript;

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use motia_manifest::{Language, Manifest};

use self::{
    interface::Interface,
    schema::{Names, pascal_case},
    typescript::MotiaModule,
};

/// In the first line of every file that this module writes.
const MARK: &str = "Written by motia";

/// At the beginning of the `types.d.ts` that the npm package `motia` wrote, which ours replaces.
const FORMER_MARK: &str = "Automatically generated types for motia";

/// The files that help editors, with their paths relative to the project.
#[derive(Debug)]
pub struct TypeFiles {
    /// Path and content of each.
    pub files: Vec<(PathBuf, String)>,
    /// What the user should know.
    pub warnings: Vec<String>,
}

/// Types for every language that the project's steps are written in.
pub fn generate(manifest: &Manifest, project: &Path) -> TypeFiles {
    let interface = Interface::of(manifest);
    let has = |language| manifest.steps.iter().any(|step| step.language == language);
    let mut files = Vec::new();
    if has(Language::TypeScript) || has(Language::JavaScript) {
        let file = typescript::file(manifest, &interface, motia_module(project));
        files.push((PathBuf::from("types.d.ts"), file));
    }
    if has(Language::Python) {
        files.push((PathBuf::from("motia_types.py"), python::file(manifest, &interface)));
    }
    if has(Language::Rust) {
        files.push((PathBuf::from("motia_types.rs"), rust::file(manifest, &interface)));
    }
    TypeFiles { files, warnings: interface.warnings }
}

/// Writes the files that have changed, but none over a file that motia did not write. Returns what the user
/// should know.
///
/// # Errors
/// When a file cannot be read or written.
pub fn write(manifest: &Manifest, project: &Path) -> io::Result<Vec<String>> {
    let TypeFiles { files, mut warnings } = generate(manifest, project);
    for (file, content) in files {
        let path = project.join(&file);
        match fs::read_to_string(&path) {
            Ok(old) if old == content => {}
            Ok(old) if !is_written_by_motia(&old) => warnings.push(format!(
                "{}: motia did not write this file and leaves it as it is; \
                 rename it if the steps are to have types",
                file.display()
            )),
            Ok(_) => fs::write(path, content)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => fs::write(path, content)?,
            Err(error) => return Err(error),
        }
    }
    Ok(warnings)
}

fn is_written_by_motia(text: &str) -> bool {
    let first = text.lines().next().unwrap_or_default();
    first.contains(MARK) || text.lines().take(3).any(|line| line.contains(FORMER_MARK))
}

/// Whether the project has the npm package, in the places where compilers look for it.
fn motia_module(project: &Path) -> MotiaModule {
    let has = |directory: &Path| directory.join("node_modules/motia/package.json").is_file();
    if project.ancestors().any(has) { MotiaModule::Installed } else { MotiaModule::Included }
}

/// What the names of types begin with, one for each of the names.
fn prefixes<'a>(names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut taken = Names::default();
    let prefix = |name| match pascal_case(name) {
        prefix if prefix.starts_with(char::is_alphabetic) => prefix,
        prefix => format!("X{prefix}"),
    };
    names.map(|name| taken.unique(&prefix(name))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_of_motia_are_replaced() {
        let project = tempfile::tempdir().unwrap();
        let path = |file: &str| project.path().join(file);
        let former = format!("/**\n * {FORMER_MARK}\n */\n");
        fs::write(path("types.d.ts"), former).unwrap();
        fs::write(path("motia_types.py"), "mine = 1\n").unwrap();
        let manifest = samples::shop();
        let warnings = write(&manifest, project.path()).unwrap();
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        assert!(warnings[0].starts_with("motia_types.py: motia did not write"), "{warnings:?}");
        assert_eq!(fs::read_to_string(path("motia_types.py")).unwrap(), "mine = 1\n");
        for (file, content) in generate(&manifest, project.path()).files {
            let text = fs::read_to_string(path(&file.to_string_lossy())).unwrap();
            assert!(is_written_by_motia(&content));
            assert_eq!(text == content, file != Path::new("motia_types.py"));
        }
    }

    #[test]
    fn an_installed_package_is_only_extended() {
        let project = tempfile::tempdir().unwrap();
        let text = || generate(&samples::shop(), project.path()).files[0].1.clone();
        assert!(text().contains("export interface ApiRouteConfig"));
        let package = project.path().join("node_modules/motia");
        fs::create_dir_all(&package).unwrap();
        fs::write(package.join("package.json"), "{}").unwrap();
        assert!(!text().contains("export interface ApiRouteConfig"));
    }

    #[test]
    fn equal_names_are_told_apart() {
        assert_eq!(prefixes(["a.b", "a-b", "1"].into_iter()), ["AB", "AB2", "X1"]);
    }
}
