//! What rustc and cargo say, as errors with a place.

use std::path::Path;

use serde_json::Value;

use crate::{BuildError, Position, Source};

/// The errors in cargo's JSON messages; what cargo itself printed if there are none.
pub fn errors(project: &Path, source: &Source, stdout: &str, stderr: &str) -> Vec<BuildError> {
    let mut errors: Vec<BuildError> = stdout
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|message| message["reason"] == "compiler-message")
        .filter(|message| message["message"]["level"] == "error")
        .filter_map(|message| error(project, source, &message["message"]))
        .collect();
    if errors.is_empty() {
        errors.push(BuildError::in_file(&source.file, format!("cargo failed: {}", stderr.trim())));
    }
    errors
}

fn error(project: &Path, source: &Source, message: &Value) -> Option<BuildError> {
    let text = message["message"].as_str()?;
    if text.starts_with("aborting due to") {
        return None;
    }
    let text = match message["code"]["code"].as_str() {
        Some(code) => format!("{text} [{code}]"),
        None => text.to_owned(),
    };
    let spans = message["spans"].as_array();
    let primary = spans.into_iter().flatten().find(|span| span["is_primary"] == true);
    let Some(span) = primary else { return Some(BuildError::in_file(&source.file, text)) };
    let file = span["file_name"].as_str().unwrap_or(&source.file);
    let file = file.strip_prefix(&format!("{}/", project.display())).unwrap_or(file);
    let number = |name: &str| span[name].as_u64().and_then(|number| u32::try_from(number).ok());
    Some(BuildError::in_file(file, text).at(Position {
        line: number("line_start").unwrap_or(1),
        column: number("column_start"),
        excerpt: span["text"][0]["text"].as_str().map(str::to_owned),
    }))
}
