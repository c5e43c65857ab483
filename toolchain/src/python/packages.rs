//! The packages of a project's `requirements.txt`: pure Python only, in the user's cache.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use motia_manifest::Digest;
use serde_json::Value;

use super::provision::Provisioned;
use crate::{BuildError, Position, Progress, cache};

const REQUIREMENTS: &str = "requirements.txt";

/// The Python of the component.
const PYTHON_VERSION: &str = "3.14";

/// Installs what `requirements.txt` names, once for each content; none without such a file.
pub fn install(
    provisioned: &Provisioned,
    project: &Path,
    progress: &dyn Progress,
) -> Result<Option<PathBuf>, Vec<BuildError>> {
    let requirements = project.join(REQUIREMENTS);
    let Ok(text) = fs::read_to_string(&requirements) else { return Ok(None) };
    let wanted = |line: &str| !line.trim().is_empty() && !line.trim_start().starts_with('#');
    if !text.lines().any(wanted) {
        return Ok(None);
    }
    let name = format!("python-packages-{}", Digest::of(text.as_bytes()).short());
    let directory = provisioned.cache().join(name);
    let installed = cache::once(&directory, |directory| {
        let python = provisioned.python(progress);
        let python = python.map_err(|error| BuildError::in_file(REQUIREMENTS, error.message))?;
        progress.begin("installing the packages of requirements.txt (once)");
        let output = pip(&python)
            .args(["--no-compile", "--only-binary", ":all:", "--implementation", "py"])
            .args(["--abi", "none", "--platform", "any", "--python-version", PYTHON_VERSION])
            .arg("--target")
            .arg(directory)
            .arg("-r")
            .arg(&requirements)
            .output()?;
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr);
        Err(explain(&python, &text, &said))
    });
    installed.map_err(|error| vec![error])?;
    Ok(Some(directory))
}

fn pip(python: &Path) -> Command {
    let mut pip = Command::new(python);
    pip.args(["-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--quiet"]);
    pip.arg("--ignore-installed");
    pip
}

/// Names the package that is not pure, or does not exist, and the line that asks for it.
fn explain(python: &Path, text: &str, said: &str) -> BuildError {
    const NONE: &str = "No matching distribution found for ";
    let Some(wanted) = said.lines().find_map(|line| Some(line.split_once(NONE)?.1.trim())) else {
        return BuildError::in_file(REQUIREMENTS, format!("pip failed:\n{}", said.trim()));
    };
    let by = said
        .lines()
        .find(|line| line.contains("Could not find a version"))
        .and_then(|line| line.split_once("(from ")?.1.split_once(')'))
        .map(|(by, _)| by)
        .filter(|by| !by.starts_with("versions"));
    let by_whom = by.map(|by| format!(" (required by {by})")).unwrap_or_default();
    let message = if is_native(python, wanted) {
        format!(
            "{wanted}{by_whom} has native code, which cannot run in a step; choose a pure Python package"
        )
    } else {
        format!("there is no package {wanted}{by_whom} for Python {PYTHON_VERSION}")
    };
    let error = BuildError::in_file(REQUIREMENTS, message);
    let package = package_name(by.unwrap_or(wanted));
    let line = text.lines().position(|line| package_name(line) == package);
    match line {
        None => error,
        Some(line) => error.at(Position {
            line: line as u32 + 1,
            column: None,
            excerpt: text.lines().nth(line).map(str::to_owned),
        }),
    }
}

fn package_name(requirement: &str) -> String {
    let name = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let name: String = requirement.trim().chars().take_while(name).collect();
    name.to_lowercase().replace(['_', '.'], "-")
}

/// Whether there is a wheel of the package for this machine, which then is not a pure one.
fn is_native(python: &Path, wanted: &str) -> bool {
    let Ok(directory) = tempfile::tempdir() else { return false };
    let report = directory.path().join("report.json");
    let mut ask = pip(python);
    ask.args(["--dry-run", "--no-deps", "--only-binary", ":all:", "--report"]).arg(&report);
    let found = ask.arg(wanted).output().is_ok_and(|output| output.status.success());
    let report: Value = fs::read(&report)
        .ok()
        .and_then(|report| serde_json::from_slice(&report).ok())
        .unwrap_or_default();
    let file = report["install"][0]["download_info"]["url"].as_str().unwrap_or_default();
    found && !file.ends_with("-none-any.whl")
}
