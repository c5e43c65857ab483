//! From a position in a bundled step to the user's own file and line.

use regex::{Captures, Regex};
use sourcemap::SourceMap;

/// Sources below this are the toolchain's own glue and libraries; frames in them are left out.
pub const TOOLCHAIN_SOURCES: &str = "motia-toolchain/";

/// The source map of one step.
pub struct StackMapper {
    map: SourceMap,
    position: Regex,
}

/// A place in a user's source file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourcePosition {
    /// The file, relative to the project.
    pub file: String,
    /// From 1.
    pub line: u32,
    /// From 1.
    pub column: u32,
}

impl StackMapper {
    /// Reads a source map (version 3).
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn new(map: &[u8]) -> Result<Self, String> {
        let map = SourceMap::from_slice(map).map_err(|error| error.to_string())?;
        let position = Regex::new(r"step\.js:(\d+):(\d+)").map_err(|error| error.to_string())?;
        Ok(Self { map, position })
    }

    /// The trace with every `step.js:LINE:COLUMN` replaced by the position in the source.
    pub fn apply(&self, stack: &str) -> String {
        let mut lines = Vec::new();
        for line in stack.lines() {
            let mut in_toolchain = false;
            let mapped =
                self.position.replace_all(line, |found: &Captures<'_>| match self.lookup(found) {
                    Some(SourcePosition { file, line, column }) => {
                        in_toolchain |= file.starts_with(TOOLCHAIN_SOURCES);
                        format!("{file}:{line}:{column}")
                    }
                    None => found[0].to_owned(),
                });
            if !in_toolchain {
                lines.push(mapped.into_owned());
            }
        }
        lines.join("\n")
    }

    /// The first position of a trace that is in the user's own files.
    pub fn first_position(&self, stack: &str) -> Option<SourcePosition> {
        self.position
            .captures_iter(stack)
            .filter_map(|found| self.lookup(&found))
            .find(|position| !position.file.starts_with(TOOLCHAIN_SOURCES))
    }

    fn lookup(&self, found: &Captures<'_>) -> Option<SourcePosition> {
        let number = |group: usize| found[group].parse::<u32>().unwrap_or(1).saturating_sub(1);
        let token = self.map.lookup_token(number(1), number(2))?;
        Some(SourcePosition {
            file: token.get_source()?.to_owned(),
            line: token.get_src_line() + 1,
            column: token.get_src_col() + 1,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_in_the_users_files() {
        // Line 1 is the user's line 7, line 2 is glue.
        let map = br#"{"version":3,"sources":["steps/a.step.ts","motia-toolchain/glue/run.js"],
            "names":[],"mappings":"AAMA;ACAA"}"#;
        let mapper = StackMapper::new(map).unwrap();
        let stack = "    at a (step.js:1:1)\n    at run (step.js:2:1)";
        assert_eq!(mapper.apply(stack), "    at a (steps/a.step.ts:7:1)");
        assert_eq!(mapper.first_position(stack).unwrap().line, 7);
    }
}
