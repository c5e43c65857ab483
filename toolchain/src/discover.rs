//! Which files of a project are steps and streams.

use std::path::{Path, PathBuf};

use motia_manifest::Language;
use walkdir::WalkDir;

use crate::{BuildError, Role, Source, project_config};

/// The directories in which steps and streams live.
pub const SOURCE_DIRECTORIES: [&str; 2] = ["steps", "src"];

/// What discovery found.
#[derive(Debug, Default)]
pub struct Discovery {
    /// Steps and streams, ordered by file.
    pub sources: Vec<Source>,
    /// The project's own config.
    pub config: Option<Source>,
    /// What the user should know.
    pub warnings: Vec<String>,
}

/// Finds the steps and streams of the project at `project`, an absolute path.
///
/// # Errors
/// When there is no `steps` or `src` directory, or one cannot be read.
pub fn discover(project: &Path) -> Result<Discovery, BuildError> {
    let directories: Vec<PathBuf> = SOURCE_DIRECTORIES
        .iter()
        .map(|name| project.join(name))
        .filter(|directory| directory.is_dir())
        .collect();
    if directories.is_empty() {
        return Err(BuildError::general(format!(
            "{} has no `steps` or `src` directory; run this in a project, or make one with `motia create`",
            project.display()
        )));
    }
    let mut found = Discovery { config: project_config::find(project), ..Discovery::default() };
    for directory in directories {
        let walk = WalkDir::new(&directory).sort_by_file_name().into_iter().filter_entry(|entry| {
            let name = entry.file_name().to_string_lossy();
            !(entry.file_type().is_dir()
                && matches!(name.as_ref(), "node_modules" | "__pycache__" | "target" | ".motia"))
        });
        for entry in walk {
            let entry = entry.map_err(|error| BuildError::general(error.to_string()))?;
            if !entry.file_type().is_file() {
                continue;
            }
            let path = entry.into_path();
            let relative = path.strip_prefix(project).unwrap_or(&path);
            let parts: Vec<_> =
                relative.components().map(|part| part.as_os_str().to_string_lossy()).collect();
            let file = parts.join("/");
            let name = parts.last().map_or("", |name| name.as_ref());
            match classify(name) {
                Classified::Source(language, role) => {
                    found.sources.push(Source { file, path, language, role });
                }
                Classified::OldPythonName(role) => {
                    let stem =
                        name.trim_end_matches(".py").trim_end_matches(&format!(".{}", role.name()));
                    found.warnings.push(format!(
                        "{file}: this name is the old form; rename it to `{}_{}.py`",
                        stem.replace(['.', '-'], "_"),
                        role.name()
                    ));
                    found.sources.push(Source { file, path, language: Language::Python, role });
                }
                Classified::Other => {}
            }
        }
    }
    found.sources.sort_by(|a, b| a.file.cmp(&b.file));
    Ok(found)
}

enum Classified {
    Source(Language, Role),
    OldPythonName(Role),
    Other,
}

fn classify(name: &str) -> Classified {
    let Some((stem, extension)) = name.rsplit_once('.') else { return Classified::Other };
    let language = match extension {
        "ts" => Language::TypeScript,
        "js" => Language::JavaScript,
        "py" => Language::Python,
        "rs" => Language::Rust,
        _ => return Classified::Other,
    };
    for role in [Role::Step, Role::Stream] {
        let ends = |separator: char| {
            stem.strip_suffix(role.name())
                .and_then(|rest| rest.strip_suffix(separator))
                .is_some_and(|rest| !rest.is_empty())
        };
        match language {
            _ if ends('_') => return Classified::Source(language, role),
            Language::TypeScript | Language::JavaScript if ends('.') => {
                return Classified::Source(language, role);
            }
            Language::Python if ends('.') => return Classified::OldPythonName(role),
            _ => {}
        }
    }
    Classified::Other
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn names_decide_what_a_file_is() {
        let project = tempfile::tempdir().unwrap();
        let files = [
            "steps/a.step.ts",
            "steps/deep/er/b_step.js",
            "steps/c_step.py",
            "steps/old-name.step.py",
            "src/d_step.rs",
            "src/e.stream.ts",
            "src/f_stream.py",
            "steps/a.step.tsx",
            "steps/_step.py",
            "steps/step.ts",
            "steps/node_modules/x/x.step.js",
            "lib/g.step.ts",
            "motia.config.js",
            "src/motia.config.ts",
        ];
        for file in files {
            let path = project.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        let found = discover(project.path()).unwrap();
        let names: Vec<&str> = found.sources.iter().map(|source| source.file.as_str()).collect();
        assert_eq!(
            names,
            [
                "src/d_step.rs",
                "src/e.stream.ts",
                "src/f_stream.py",
                "steps/a.step.ts",
                "steps/c_step.py",
                "steps/deep/er/b_step.js",
                "steps/old-name.step.py",
            ]
        );
        assert_eq!(found.config.map(|config| config.file).as_deref(), Some("motia.config.js"));
        assert_eq!(found.warnings.len(), 1);
        assert!(found.warnings[0].contains("old_name_step.py"), "{:?}", found.warnings);
    }
}
