//! What is wrong with a project, with the place and the mend.

use std::fmt;

/// A place in a source file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// From 1.
    pub line: u32,
    /// From 1; none if only the line is known.
    pub column: Option<u32>,
    /// The line's text.
    pub excerpt: Option<String>,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildError {
    /// The source file, relative to the project; none for the project as a whole.
    pub file: Option<String>,
    /// Where in the file.
    pub position: Option<Position>,
    /// What is wrong, and what was expected.
    pub message: String,
}

impl BuildError {
    /// An error of a file.
    pub fn in_file(file: impl Into<String>, message: impl Into<String>) -> Self {
        Self { file: Some(file.into()), position: None, message: message.into() }
    }

    /// An error of the project or of the machine.
    pub fn general(message: impl Into<String>) -> Self {
        Self { file: None, position: None, message: message.into() }
    }

    /// The same error at a place.
    pub fn at(mut self, position: Position) -> Self {
        self.position = Some(position);
        self
    }
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = &self.file {
            f.write_str(file)?;
            if let Some(Position { line, column, .. }) = &self.position {
                write!(f, ":{line}")?;
                if let Some(column) = column {
                    write!(f, ":{column}")?;
                }
            }
            f.write_str(": ")?;
        }
        f.write_str(&self.message)?;
        if let Some(Position { line, column, excerpt: Some(excerpt) }) = &self.position {
            write!(f, "\n    {line} | {excerpt}")?;
            if let Some(column) = column {
                let indent = line.to_string().len() + 3 + *column as usize - 1;
                write!(f, "\n    {:indent$}^", "")?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for BuildError {}

/// Everything that is wrong, ordered by file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildErrors(pub Vec<BuildError>);

impl BuildErrors {
    /// Puts errors in order and drops repetitions.
    pub fn new(mut errors: Vec<BuildError>) -> Self {
        errors.sort_by(|a, b| {
            let line = |error: &BuildError| error.position.as_ref().map(|p| (p.line, p.column));
            (&a.file, line(a)).cmp(&(&b.file, line(b)))
        });
        errors.dedup();
        Self(errors)
    }
}

impl fmt::Display for BuildErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for error in &self.0 {
            writeln!(f, "error: {error}")?;
        }
        let count = self.0.len();
        write!(f, "{count} error{}", if count == 1 { "" } else { "s" })
    }
}

impl std::error::Error for BuildErrors {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_excerpt_points_at_the_column() {
        let error = BuildError::in_file("steps/a.step.ts", "unexpected `x`").at(Position {
            line: 12,
            column: Some(3),
            excerpt: Some("a x".into()),
        });
        let text = error.to_string();
        assert_eq!(text, "steps/a.step.ts:12:3: unexpected `x`\n    12 | a x\n           ^");
    }
}
