//! Running the programs that set a language up.

use std::process::Command;

use crate::BuildError;

/// Runs a program to its end; `what` says what it is for.
///
/// # Errors
/// When it cannot be started, or fails: with what it said.
pub fn run(command: &mut Command, what: &str) -> Result<(), BuildError> {
    let output = command.output().map_err(|error| {
        let program = command.get_program().to_string_lossy();
        BuildError::general(format!("`{program}` cannot be started: {error}; see `motia doctor`"))
    })?;
    if output.status.success() {
        return Ok(());
    }
    // Some programs tell their errors on standard output.
    let said = match output.stderr.trim_ascii() {
        [] => &output.stdout,
        _ => &output.stderr,
    };
    let said = String::from_utf8_lossy(said);
    Err(BuildError::general(format!("{what} failed ({}):\n{}", output.status, said.trim())))
}
