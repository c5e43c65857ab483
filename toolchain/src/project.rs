//! What must hold between the steps of a project, and the files that they include.

use std::{collections::HashMap, fs, path::Path};

use globset::GlobBuilder;
use motia_manifest::{
    Artifact, ConfigError, IncludedFile, RoutePattern, Step, StepConfig, StepKind, Stream,
    StreamRoles,
};
use walkdir::WalkDir;

use crate::{BuildError, Position, Source};

/// The errors of one source's config, each at its line where that can be found.
pub fn config_errors(source: &Source, errors: &[ConfigError]) -> Vec<BuildError> {
    let text = fs::read_to_string(&source.path).unwrap_or_default();
    errors.iter().map(|error| at_field(source, &text, &error.field, error.to_string())).collect()
}

/// An error at the line of a field, where that can be found.
fn at_field(source: &Source, text: &str, field: &str, message: String) -> BuildError {
    let error = BuildError::in_file(&source.file, message);
    match field_line(text, field) {
        Some(position) => error.at(position),
        None => error,
    }
}

/// The line of a config's field: the first line that has its name before a `:` or `=`.
fn field_line(text: &str, field: &str) -> Option<Position> {
    let name = field.rsplit('.').next().unwrap_or(field).split('[').next().unwrap_or(field);
    if name.is_empty() {
        return None;
    }
    let pattern = regex::Regex::new(&format!(r#"\b{}\b["']?\s*[:=]"#, regex::escape(name))).ok()?;
    let (line, excerpt) = text.lines().enumerate().find(|(_, line)| pattern.is_match(line))?;
    Some(Position { line: line as u32 + 1, column: None, excerpt: Some(excerpt.to_owned()) })
}

/// Two steps or streams with one name, and two steps on one method and path.
pub fn conflicts(steps: &[(Source, StepConfig)], streams: &[Stream]) -> Vec<BuildError> {
    let mut errors = Vec::new();
    let mut names: HashMap<&str, &str> = HashMap::new();
    let mut routes: HashMap<(String, String), &str> = HashMap::new();
    let at = |source: &Source, field: &str, message: String| {
        let text = fs::read_to_string(&source.path).unwrap_or_default();
        at_field(source, &text, field, message)
    };
    for (source, config) in steps {
        if let Some(other) = names.insert(&config.name, &source.file) {
            let message = format!(
                "the name `{}` is used by {other}; names are unique in a project",
                config.name
            );
            errors.push(at(source, "name", message));
        }
        if let StepKind::Api(api) = &config.kind
            && let Ok(pattern) = RoutePattern::parse(&api.path)
        {
            let route = (api.method.clone(), pattern.shape());
            if let Some(other) = routes.insert(route, &source.file) {
                let message = format!("{} {} is answered by {other} already", api.method, api.path);
                errors.push(at(source, "path", message));
            }
        }
    }
    let mut stream_names: HashMap<&str, &str> = HashMap::new();
    for stream in streams {
        if let Some(other) = stream_names.insert(&stream.config.name, &stream.file) {
            let message = format!("the stream name `{}` is used by {other}", stream.config.name);
            errors.push(BuildError::in_file(&stream.file, message));
        }
    }
    errors
}

/// Steps that emit to a topic that nobody subscribes to, which is allowed but worth a word.
pub fn warnings(steps: &[Step]) -> Vec<String> {
    let subscribed = |topic: &str| {
        steps.iter().any(|step| match &step.config.kind {
            StepKind::Event(event) => event.subscribes.iter().any(|own| own == topic),
            _ => false,
        })
    };
    let mut warnings = Vec::new();
    for step in steps {
        for emit in step.config.emits.iter().filter(|emit| !subscribed(&emit.topic)) {
            warnings.push(format!("{}: no step subscribes to `{}`", step.file, emit.topic));
        }
    }
    warnings
}

/// Streams that need a role of their clients, in a project in which no client has one.
pub fn closed_streams(streams: &[Stream]) -> Vec<String> {
    let needs_role = |stream: &&Stream| stream.config.roles != StreamRoles::default();
    let warning = |stream: &Stream| {
        format!(
            "{}: without `streamAuth` in motia.config.ts no client has one of the `roles`",
            stream.file
        )
    };
    streams.iter().filter(needs_role).map(warning).collect()
}

/// Puts the files that a step includes into the bundle.
pub fn included_files(
    project: &Path,
    out: &Path,
    source: &Source,
    globs: &[String],
) -> Result<Vec<IncludedFile>, Vec<BuildError>> {
    let mut files = Vec::new();
    let mut errors = Vec::new();
    for glob in globs {
        match include(project, out, source, glob) {
            Ok(found) => files.extend(found),
            Err(message) => errors.push(BuildError::in_file(&source.file, message)),
        }
    }
    files.sort_by(|a: &IncludedFile, b| a.name.cmp(&b.name));
    files.dedup();
    if errors.is_empty() { Ok(files) } else { Err(errors) }
}

fn include(
    project: &Path,
    out: &Path,
    source: &Source,
    glob: &str,
) -> Result<Vec<IncludedFile>, String> {
    let wrong = |cause: String| format!("config.includeFiles: `{glob}`: {cause}");
    // The glob is relative to the step's file; matching needs it relative to the project.
    let mut parts: Vec<&str> = source.file.split('/').collect();
    parts.pop();
    for part in glob.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop().ok_or_else(|| wrong("leads out of the project".into()))?;
            }
            part => parts.push(part),
        }
    }
    let pattern = GlobBuilder::new(&parts.join("/"))
        .literal_separator(true)
        .build()
        .map_err(|error| wrong(error.to_string()))?
        .compile_matcher();
    let mut files = Vec::new();
    let walk = WalkDir::new(project).sort_by_file_name().into_iter().filter_entry(|entry| {
        !matches!(entry.file_name().to_str(), Some("node_modules" | ".motia" | ".git"))
    });
    for entry in walk.filter_map(Result::ok).filter(|entry| entry.file_type().is_file()) {
        let relative = entry.path().strip_prefix(project).unwrap_or(entry.path());
        if pattern.is_match(relative) {
            let content = fs::read(entry.path()).map_err(|error| wrong(error.to_string()))?;
            let artifact = Artifact::write(out, "files", "bin", &content)
                .map_err(|error| wrong(error.to_string()))?;
            let name =
                relative.components().map(|p| p.as_os_str().to_string_lossy()).collect::<Vec<_>>();
            files.push(IncludedFile { name: name.join("/"), artifact });
        }
    }
    if files.is_empty() {
        return Err(wrong("matches no file".into()));
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fields_line_is_found_in_every_language() {
        let line = |text, field| field_line(text, field).map(|position| position.line);
        assert_eq!(line("export const config = {\n  cron: 'x',\n}", "cron"), Some(2));
        assert_eq!(line("config = {\n    \"cron\": \"x\",\n}", "cron"), Some(2));
        assert_eq!(line("#[motia::cron(\n  cron = \"x\"\n)]", "cron"), Some(2));
        assert_eq!(line("a: 1", "emits[0]"), None);
    }
}
