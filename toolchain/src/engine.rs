//! A language's engine on disk: what its steps share, in the form in which a bundle holds it.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::OnceLock,
};

use motia_manifest::{Artifact, Code, EngineFiles, compress, decompress};
use motia_sandbox::{EngineParts, Wasm};

use crate::{
    cache,
    sharing::{self, Image},
};

/// The folder of a bundle for engines' files.
const FOLDER: &str = "engines";
const TEMPLATE: &str = "template.wasm.zst";
const FILES: &str = "engine.json";

/// The version of an engine's form; a change of it sets languages up again.
pub const FORM: &[u8] = b"image and component, 1";

/// How hard files that are made once are compressed.
const ONCE: i32 = 12;

/// An engine on disk.
pub struct EngineOnDisk {
    directory: PathBuf,
    files: EngineFiles,
    blank: OnceLock<Vec<u8>>,
}

/// What an engine is made of.
pub struct NewEngine<'a> {
    /// `javascript` or `python`.
    pub name: &'a str,
    /// An ordinary component without its memory's content.
    pub template: &'a [u8],
    /// The shared form of the template.
    pub component: &'a [u8],
    /// The core module that the component imports as `engine`, if it does.
    pub module: Option<&'a [u8]>,
    /// The memory without a step.
    pub image: &'a Image,
}

impl EngineOnDisk {
    /// Writes an engine.
    pub fn create(directory: &Path, new: &NewEngine<'_>) -> io::Result<()> {
        let files = EngineFiles {
            name: new.name.to_owned(),
            component: artifact(directory, new.component)?,
            module: new.module.map(|module| artifact(directory, module)).transpose()?,
            image: artifact(directory, &new.image.module())?,
        };
        fs::write(directory.join(TEMPLATE), compress(new.template, ONCE, &[])?)?;
        fs::write(directory.join(FILES), serde_json::to_vec(&files)?)
    }

    /// Writes the same engine with another image into another directory.
    pub fn with_image(&self, directory: &Path, image: &Image) -> io::Result<()> {
        fs::create_dir_all(directory.join(FOLDER))?;
        for artifact in [&self.files.component].into_iter().chain(&self.files.module) {
            let (from, to) = (self.directory.join(&artifact.path), directory.join(&artifact.path));
            // The same file, where the file system can.
            if fs::hard_link(&from, &to).is_err() {
                cache::copy_file(&from, &to)?;
            }
        }
        cache::copy_file(&self.directory.join(TEMPLATE), &directory.join(TEMPLATE))?;
        let image = artifact(directory, &image.module())?;
        let files = EngineFiles { image, ..self.files.clone() };
        fs::write(directory.join(FILES), serde_json::to_vec(&files)?)
    }

    /// An engine that was written before.
    pub fn open(directory: &Path) -> io::Result<Self> {
        let files = serde_json::from_slice(&fs::read(directory.join(FILES))?)?;
        Ok(Self { directory: directory.to_owned(), files, blank: OnceLock::new() })
    }

    /// What a manifest says of it.
    pub fn files(&self) -> &EngineFiles {
        &self.files
    }

    /// What the sandbox loads.
    pub fn parts(&self) -> EngineParts {
        EngineParts {
            component: self.wasm(&self.files.component),
            module: self.files.module.as_ref().map(|module| self.wasm(module)),
        }
    }

    /// The memory without a step, for the sandbox.
    pub fn image(&self) -> Wasm {
        self.wasm(&self.files.image)
    }

    fn wasm(&self, artifact: &Artifact) -> Wasm {
        let path = self.directory.join(&artifact.path);
        Wasm::new(artifact.sha256.clone(), move || decompress(&fs::read(&path)?, &[]))
    }

    /// Puts a step into the bundle at `out`: its image, and the engine if it is not there.
    pub fn keep(&self, out: &Path, image: &Image, level: i32) -> io::Result<Code> {
        for artifact in self.files.artifacts() {
            copy(&self.directory, out, artifact)?;
        }
        let content = compress(&image.module(), level, self.blank()?)?;
        Ok(Code::Image(motia_manifest::Image {
            engine: self.files.image.sha256.clone(),
            artifact: Artifact::write(out, "images", "wasm.zst", &content)?,
        }))
    }

    /// A step as an ordinary component.
    pub fn self_contained(&self, image: &Image) -> io::Result<Vec<u8>> {
        let template = decompress(&fs::read(self.directory.join(TEMPLATE))?, &[])?;
        sharing::fill(&template, image).map_err(|error| io::Error::other(error.to_string()))
    }

    fn blank(&self) -> io::Result<&[u8]> {
        if let Some(blank) = self.blank.get() {
            return Ok(blank);
        }
        let blank = fs::read(self.directory.join(&self.files.image.path))?;
        let blank = decompress(&blank, &[])?;
        Ok(self.blank.get_or_init(|| blank))
    }
}

fn artifact(directory: &Path, content: &[u8]) -> io::Result<Artifact> {
    Artifact::write(directory, FOLDER, "wasm.zst", &compress(content, ONCE, &[])?)
}

/// Whether all files of an engine are in a bundle.
pub fn in_place(out: &Path, engine: &EngineFiles) -> bool {
    engine.artifacts().all(|artifact| {
        fs::metadata(out.join(&artifact.path)).is_ok_and(|file| file.len() == artifact.bytes)
    })
}

fn copy(from: &Path, to: &Path, artifact: &Artifact) -> io::Result<()> {
    if !to.join(&artifact.path).exists() {
        Artifact::write(to, FOLDER, "wasm.zst", &fs::read(from.join(&artifact.path))?)?;
    }
    Ok(())
}
