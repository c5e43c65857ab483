//! What a build remembers of a source, so that the next one builds only what changed.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use motia_manifest::{Artifact, Code, Digest, EngineFiles};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Source, engine};

/// What was made of a source, and of what.
#[derive(Debug, Serialize, Deserialize)]
pub struct Record {
    /// The toolchain that made it.
    version: Digest,
    /// Every file that went into it.
    inputs: BTreeMap<PathBuf, Digest>,
    #[serde(flatten)]
    pub made: Made,
}

/// What was made of a source.
#[derive(Debug, Serialize, Deserialize)]
pub struct Made {
    /// None for what is never called: a stream without functions, or a noop step.
    pub code: Option<Code>,
    /// The engine that the code is an image of.
    pub engine: Option<EngineFiles>,
    pub source_map: Option<Artifact>,
    pub config: Value,
}

impl Record {
    /// Remembers inputs as they are now.
    pub fn new(version: Digest, inputs: &[PathBuf], made: Made) -> io::Result<Self> {
        let digest = |path: &PathBuf| Ok((path.clone(), Digest::of(&fs::read(path)?)));
        let inputs = inputs.iter().map(digest).collect::<io::Result<_>>()?;
        Ok(Self { version, inputs, made })
    }

    /// The record of a source, if it still holds: same toolchain, same inputs, artifacts in place.
    pub fn load(project: &Path, out: &Path, source: &Source, version: &Digest) -> Option<Self> {
        let text = fs::read(path(project, out, source)).ok()?;
        let record: Self = serde_json::from_slice(&text).ok()?;
        let unchanged = |(path, digest): (&PathBuf, &Digest)| {
            fs::read(path).is_ok_and(|content| Digest::of(&content) == *digest)
        };
        let in_place = |artifact: &Artifact| {
            fs::read(out.join(&artifact.path))
                .is_ok_and(|content| Digest::of(&content) == artifact.sha256)
        };
        let holds = record.version == *version
            && record.inputs.contains_key(&source.path)
            && record.inputs.iter().all(unchanged)
            && record.made.code.iter().map(Code::artifact).all(in_place)
            && record.made.source_map.iter().all(in_place)
            && record.made.engine.iter().all(|engine| engine::in_place(out, engine));
        holds.then_some(record)
    }

    /// Keeps the record for the next build.
    pub fn save(&self, project: &Path, out: &Path, source: &Source) -> io::Result<()> {
        let path = path(project, out, source);
        fs::create_dir_all(path.parent().unwrap_or(project))?;
        fs::write(path, serde_json::to_vec(self)?)
    }
}

/// Each bundle has records of its own: `motia dev` and `motia build` do not forget each other's.
fn path(project: &Path, out: &Path, source: &Source) -> PathBuf {
    let out = fs::canonicalize(out).unwrap_or_else(|_| out.to_owned());
    let name = Digest::of_parts([out.as_os_str().as_encoded_bytes(), source.file.as_bytes()]);
    project.join(".motia/build").join(format!("{}.json", name.short()))
}
