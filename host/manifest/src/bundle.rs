//! The bundle: what `motia build` writes and `motia serve` reads.
//!
//! A directory with `manifest.json` and the files that it names by content digest. A bundle is
//! never changed in place: files are added, then the manifest is replaced in one rename.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    sync::atomic::{AtomicUsize, Ordering},
};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    Digest, StepConfig, StreamConfig,
    compression::{COMPRESSED, decompress},
};

/// The manifest's file name in the bundle.
pub const MANIFEST_FILE: &str = "manifest.json";

/// The version of the manifest's schema that this crate writes, and the only one that it reads.
pub const SCHEMA_VERSION: u32 = 3;

/// The language a step is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// TypeScript.
    TypeScript,
    /// JavaScript.
    JavaScript,
    /// Python.
    Python,
    /// Rust.
    Rust,
    /// A component that was made by other means.
    Component,
}

/// A file of the bundle. One whose name ends with [`COMPRESSED`] is compressed with zstd.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Artifact {
    /// Where it is, relative to the bundle, with `/` between parts.
    pub path: String,
    /// The SHA-256 of its content, compressed if it is compressed.
    pub sha256: Digest,
    /// Its size in bytes, compressed if it is compressed.
    pub bytes: u64,
}

/// What runs a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Code {
    /// A component of its own.
    Component(Artifact),
    /// The memory of one of the bundle's engines after it evaluated the step.
    Image(Image),
}

impl Code {
    /// The file.
    pub fn artifact(&self) -> &Artifact {
        match self {
            Self::Component(artifact) => artifact,
            Self::Image(image) => &image.artifact,
        }
    }
}

/// A step that shares its engine: a core module that defines and exports the engine's `memory`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// The engine, by the digest of its image's file.
    pub engine: Digest,
    /// The module, compressed against the engine's own image.
    #[serde(flatten)]
    pub artifact: Artifact,
}

/// A language's engine, which all steps of the language share.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EngineFiles {
    /// Its name: `javascript` or `python`.
    pub name: String,
    /// The component. It imports the core module `image`, which exports `memory`.
    pub component: Artifact,
    /// The core module that the component imports as `engine`, if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub module: Option<Artifact>,
    /// An image without a step. Steps' images are compressed against it, as they are much alike. The
    /// same engine may be in a bundle with several of them, which have packages that steps share.
    pub image: Artifact,
}

impl EngineFiles {
    /// Its files.
    pub fn artifacts(&self) -> impl Iterator<Item = &Artifact> {
        [&self.component, &self.image].into_iter().chain(&self.module)
    }
}

/// A file that a step may read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IncludedFile {
    /// The path under which the step sees it, relative to the project.
    pub name: String,
    /// The content.
    #[serde(flatten)]
    pub artifact: Artifact,
}

/// One step of a bundle.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// The source file, relative to the project, with `/` between parts.
    pub file: String,
    /// The language of the source file.
    pub language: Language,
    /// What runs it; none for a noop step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<Code>,
    /// The source map (version 3) from the component's stack traces to the source files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_map: Option<Artifact>,
    /// Files that the step may read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub included_files: Vec<IncludedFile>,
    /// The step's config.
    pub config: StepConfig,
}

/// One stream of a bundle.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Stream {
    /// The source file, relative to the project, with `/` between parts.
    pub file: String,
    /// The language of the source file.
    pub language: Language,
    /// What runs its functions; none for a stream without any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<Code>,
    /// The source map (version 3) from the component's stack traces to the source files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_map: Option<Artifact>,
    /// The stream's config.
    pub config: StreamConfig,
}

/// What authenticates clients of streams.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StreamAuth {
    /// The source file, relative to the project, with `/` between parts.
    pub file: String,
    /// The language of the source file.
    pub language: Language,
    /// What runs it.
    pub code: Code,
    /// The source map (version 3) from the component's stack traces to the source files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_map: Option<Artifact>,
    /// The JSON Schema of what it says of a client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context_schema: Option<Value>,
}

/// What a bundle holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// [`SCHEMA_VERSION`] of the writer.
    pub schema_version: u32,
    /// The versions of what built it, by name.
    #[serde(default)]
    pub toolchain: BTreeMap<String, String>,
    /// The engines that steps share.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub engines: Vec<EngineFiles>,
    /// The steps, ordered by file.
    pub steps: Vec<Step>,
    /// The streams, ordered by file.
    #[serde(default)]
    pub streams: Vec<Stream>,
    /// What authenticates clients of streams; without it all are anonymous.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream_auth: Option<StreamAuth>,
}

/// A bundle on disk. Every file is checked against the manifest when it is read.
#[derive(Debug, Clone)]
pub struct Bundle {
    root: PathBuf,
    manifest: Manifest,
    digest: Digest,
}

/// Why a directory is not a bundle that can be served.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// There is no manifest.
    #[error("{} is not a bundle: it has no {MANIFEST_FILE}; make one with `motia build`", .0.display())]
    NoManifest(PathBuf),
    /// A file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The manifest is not what it should be.
    #[error("{}: {source}", path.display())]
    Malformed {
        /// The manifest.
        path: PathBuf,
        /// Where and why.
        source: serde_json::Error,
    },
    /// Another version of the schema.
    #[error("{}: schema version {found} is not {SCHEMA_VERSION}; build again with this version of motia", path.display())]
    SchemaVersion {
        /// The manifest.
        path: PathBuf,
        /// The version it has.
        found: u64,
    },
    /// A file differs from what the manifest says.
    #[error("{}: the content has changed since the build (expected sha256 {expected}, found {found}); build again", path.display())]
    Changed {
        /// The file.
        path: PathBuf,
        /// The digest in the manifest.
        expected: Digest,
        /// The digest of the file.
        found: Digest,
    },
    /// A compressed file that is malformed, or larger than it may be.
    #[error("{}: cannot be decompressed: {source}; build again", path.display())]
    Compressed {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A step whose engine is not in the bundle.
    #[error("{}: {file} needs the engine {engine}, which is not in the bundle; build again", path.display())]
    NoEngine {
        /// The manifest.
        path: PathBuf,
        /// The step's file.
        file: String,
        /// The engine.
        engine: Digest,
    },
    /// A path that leaves the bundle.
    #[error("{}: the path `{artifact}` leads out of the bundle", path.display())]
    Outside {
        /// The manifest.
        path: PathBuf,
        /// The path in it.
        artifact: String,
    },
}

impl Bundle {
    /// Reads a bundle's manifest.
    ///
    /// # Errors
    /// When it is missing, malformed or of another version.
    pub fn open(root: &Path) -> Result<Self, BundleError> {
        let path = root.join(MANIFEST_FILE);
        let text = fs::read(&path).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
                BundleError::NoManifest(root.to_owned())
            }
            _ => BundleError::Read { path: path.clone(), source },
        })?;
        let malformed = |source| BundleError::Malformed { path: path.clone(), source };
        let json: serde_json::Value = serde_json::from_slice(&text).map_err(malformed)?;
        let version = json.get("schemaVersion").and_then(serde_json::Value::as_u64);
        if let Some(found) = version.filter(|&found| found != u64::from(SCHEMA_VERSION)) {
            return Err(BundleError::SchemaVersion { path, found });
        }
        let manifest: Manifest = serde_json::from_value(json).map_err(malformed)?;
        Ok(Self { root: root.to_owned(), digest: Digest::of(&text), manifest })
    }

    /// What the bundle holds.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The digest of the manifest, and through it of everything in the bundle.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// The directory.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where a file of the bundle is.
    ///
    /// # Errors
    /// [`BundleError::Outside`] for a path that is absolute or has `..` in it.
    pub fn path(&self, artifact: &Artifact) -> Result<PathBuf, BundleError> {
        let relative = Path::new(&artifact.path);
        if !stays_inside(relative) {
            return Err(BundleError::Outside {
                path: self.root.join(MANIFEST_FILE),
                artifact: artifact.path.clone(),
            });
        }
        Ok(self.root.join(relative))
    }

    /// An engine of the bundle.
    ///
    /// # Errors
    /// [`BundleError::NoEngine`].
    pub fn engine(&self, step: &Step, image: &Image) -> Result<&EngineFiles, BundleError> {
        let engine = self.manifest.engines.iter().find(|e| e.image.sha256 == image.engine);
        engine.ok_or_else(|| BundleError::NoEngine {
            path: self.root.join(MANIFEST_FILE),
            file: step.file.clone(),
            engine: image.engine.clone(),
        })
    }

    /// Reads a file and checks that it is the one that was built; decompresses it.
    ///
    /// # Errors
    /// Names the file that is missing or changed.
    pub fn read(&self, artifact: &Artifact) -> Result<Vec<u8>, BundleError> {
        self.read_against(artifact, &[])
    }

    /// The same for a file that was compressed against `like`.
    ///
    /// # Errors
    /// Names the file that is missing or changed.
    pub fn read_against(&self, artifact: &Artifact, like: &[u8]) -> Result<Vec<u8>, BundleError> {
        let content = self.check(artifact)?;
        let compressed = |source| {
            let path = self.root.join(&artifact.path);
            BundleError::Compressed { path, source }
        };
        match artifact.path.ends_with(COMPRESSED) {
            true => decompress(&content, like).map_err(compressed),
            false => Ok(content),
        }
    }

    /// Checks that a file is the one that was built, and returns it as it is.
    ///
    /// # Errors
    /// Names the file that is missing or changed.
    pub fn check(&self, artifact: &Artifact) -> Result<Vec<u8>, BundleError> {
        let path = self.path(artifact)?;
        let content =
            fs::read(&path).map_err(|source| BundleError::Read { path: path.clone(), source })?;
        let found = Digest::of(&content);
        if found != artifact.sha256 {
            return Err(BundleError::Changed { path, expected: artifact.sha256.clone(), found });
        }
        Ok(content)
    }
}

impl Manifest {
    /// All files that the manifest names.
    pub fn artifacts(&self) -> impl Iterator<Item = &Artifact> {
        let steps = self.steps.iter().flat_map(|step| {
            let included = step.included_files.iter().map(|file| &file.artifact);
            let code = step.code.iter().map(Code::artifact);
            code.chain(&step.source_map).chain(included)
        });
        let streams = self
            .streams
            .iter()
            .flat_map(|stream| stream.code.iter().map(Code::artifact).chain(&stream.source_map));
        let auth = self
            .stream_auth
            .iter()
            .flat_map(|auth| std::iter::once(auth.code.artifact()).chain(&auth.source_map));
        self.engines.iter().flat_map(EngineFiles::artifacts).chain(steps).chain(streams).chain(auth)
    }
}

impl Artifact {
    /// Puts content into the bundle at `root`, under `folder` and named by its digest.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(root: &Path, folder: &str, extension: &str, content: &[u8]) -> io::Result<Self> {
        let sha256 = Digest::of(content);
        let path = format!("{folder}/{sha256}.{extension}");
        let file = root.join(&path);
        if fs::metadata(&file).is_ok_and(|found| found.len() == content.len() as u64) {
            return Ok(Self { path, sha256, bytes: content.len() as u64 });
        }
        fs::create_dir_all(root.join(folder))?;
        replace(&file, content)?;
        Ok(Self { path, sha256, bytes: content.len() as u64 })
    }
}

impl Manifest {
    /// Writes the manifest into the bundle at `root`. Its artifacts must be there already.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self, root: &Path) -> io::Result<()> {
        let mut text = serde_json::to_vec_pretty(self)?;
        text.push(b'\n');
        replace(&root.join(MANIFEST_FILE), &text)
    }
}

/// Whether a path, joined to a directory, leads to something in it: relative, and without `..`.
pub fn stays_inside(path: &Path) -> bool {
    path.components().all(|part| matches!(part, std::path::Component::Normal(_)))
}

/// Writes a file so that a reader sees the old content or the new, never a part. Others may write the
/// same file at the same time.
fn replace(file: &Path, content: &[u8]) -> io::Result<()> {
    static WRITTEN: AtomicUsize = AtomicUsize::new(0);
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let unique = WRITTEN.fetch_add(1, Ordering::Relaxed);
    let partial = file.with_file_name(format!(".{name}.{}-{unique}", std::process::id()));
    fs::write(&partial, content)?;
    fs::rename(&partial, file)
}
