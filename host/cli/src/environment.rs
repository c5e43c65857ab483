//! The environment variables of steps.

use std::{io, path::Path};

use anyhow::{Context, Result};

/// Reads a file of `NAME=value` lines; a file that need not be there may be missing.
pub fn read(file: &Path, required: bool) -> Result<Vec<(String, String)>> {
    let variables = match dotenvy::from_path_iter(file) {
        Ok(variables) => variables,
        Err(dotenvy::Error::Io(error)) if error.kind() == io::ErrorKind::NotFound && !required => {
            return Ok(Vec::new());
        }
        Err(error) => return Err(error).with_context(|| file.display().to_string()),
    };
    variables
        .collect::<Result<_, _>>()
        .with_context(|| format!("{} is not a file of NAME=value lines", file.display()))
}
