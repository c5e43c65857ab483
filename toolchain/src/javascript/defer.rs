//! Which modules wait for the invocation.
//!
//! A module whose top level reads the environment, a clock or randomness must not be in the
//! snapshot: it would keep the build's value. It is evaluated at the start of every invocation
//! instead, and so is whatever imports it. What it imports itself stays in the snapshot.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

/// A read that the engine reported while it evaluated a bundle.
#[derive(Debug, Clone, Deserialize)]
pub struct Read {
    /// The module whose top level was being evaluated, as esbuild names it.
    pub module: Option<String>,
}

/// What imports what, by esbuild's names; the step's own module is `root`.
#[derive(Debug, Clone, Default)]
pub struct Graph {
    pub root: String,
    pub imports: BTreeMap<String, Vec<String>>,
}

/// Which modules wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deferral {
    /// None: everything is in the snapshot.
    None,
    /// The step and some of what it imports; `eager` are the modules below them that need not wait.
    Modules { deferred: BTreeSet<String>, eager: BTreeSet<String> },
    /// The step and all that it imports; `asynchronous` where a module awaits at its top level.
    All { asynchronous: bool },
}

impl Deferral {
    pub fn all_asynchronous() -> Self {
        Self::All { asynchronous: true }
    }

    pub fn is_all(&self) -> bool {
        matches!(self, Self::All { .. })
    }

    pub fn is_none(&self) -> bool {
        matches!(self, Self::None)
    }

    /// Defers what read something, and whatever imports it.
    pub fn with(self, reads: &[Read], graph: &Graph) -> Self {
        let before = match self {
            Self::None => BTreeSet::new(),
            Self::Modules { deferred, .. } => deferred,
            Self::All { .. } => return self,
        };
        let mut deferred = before.clone();
        deferred.insert(graph.root.clone());
        for read in reads {
            match &read.module {
                Some(module) if graph.imports.contains_key(module) => {
                    deferred.insert(module.clone());
                }
                _ => return Self::All { asynchronous: false },
            }
        }
        loop {
            let importers: Vec<String> = graph
                .imports
                .iter()
                .filter(|(module, imports)| {
                    !deferred.contains(*module) && imports.iter().any(|i| deferred.contains(i))
                })
                .map(|(module, _)| module.clone())
                .collect();
            if importers.is_empty() {
                break;
            }
            deferred.extend(importers);
        }
        if deferred == before {
            return Self::All { asynchronous: false };
        }
        let eager = deferred
            .iter()
            .filter_map(|module| graph.imports.get(module))
            .flatten()
            .filter(|import| !deferred.contains(*import))
            .cloned()
            .collect();
        Self::Modules { deferred, eager }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph() -> Graph {
        let imports = [
            ("step", vec!["client", "zod"]),
            ("client", vec!["env", "openai"]),
            ("env", vec![]),
            ("openai", vec!["zod"]),
            ("zod", vec![]),
        ];
        let owned = |list: Vec<&str>| list.into_iter().map(str::to_owned).collect();
        Graph {
            root: "step".into(),
            imports: imports.into_iter().map(|(m, i)| (m.to_owned(), owned(i))).collect(),
        }
    }

    fn read(module: Option<&str>) -> Vec<Read> {
        vec![Read { module: module.map(str::to_owned) }]
    }

    #[test]
    fn importers_wait_and_clean_dependencies_do_not() {
        let Deferral::Modules { deferred, eager } =
            Deferral::None.with(&read(Some("env")), &graph())
        else {
            panic!("not by module")
        };
        assert_eq!(deferred.into_iter().collect::<Vec<_>>(), ["client", "env", "step"]);
        assert_eq!(eager.into_iter().collect::<Vec<_>>(), ["openai", "zod"]);
    }

    #[test]
    fn a_read_that_no_module_explains_defers_everything() {
        assert!(Deferral::None.with(&read(None), &graph()).is_all());
        let once = Deferral::None.with(&read(Some("env")), &graph());
        assert!(once.with(&read(Some("env")), &graph()).is_all());
    }
}
