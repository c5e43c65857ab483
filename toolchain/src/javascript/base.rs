//! What steps with the same packages have in common.
//!
//! Half of an image can be packages that the next step imports as well. Steps' images are compressed
//! against the image of a step that does nothing but import the same packages, and that image is in
//! the bundle once.

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use motia_manifest::{Digest, Language};
use tokio::sync::Mutex;

use super::{
    bundle::{Bundle, Bundler},
    defer::Deferral,
    provision::{self, Provisioned},
    snapshot::Snapshotter,
};
use crate::{BuildError, Role, Source, cache, engine::EngineOnDisk, sharing::Image};

/// Less than so many bytes of packages are not worth an image of their own.
const WORTH: u64 = 200_000;

/// A step that does nothing.
const STEP: &str = "export const config = { type: 'cron', name: 'Blank', cron: '0 0 1 1 *' }
export const handler = async () => {}
";

/// The engines whose images have the packages of steps, by the packages.
pub struct Bases {
    cache: PathBuf,
    blank: Arc<EngineOnDisk>,
    known: Mutex<HashMap<Digest, Arc<EngineOnDisk>>>,
}

impl Bases {
    /// The image without a step and without packages is made once for each version of the glue.
    pub async fn new(
        cache: &Path,
        provisioned: &Provisioned,
        snapshotter: &Snapshotter,
    ) -> Result<Self, BuildError> {
        let blank = match provisioned.engine()? {
            Some(engine) => engine,
            None => {
                let project = tempfile::tempdir()?;
                let step = project.path().join("blank.step.js");
                let image = evaluate(provisioned, snapshotter, project.path(), &step, STEP).await?;
                provisioned.keep_image(&image)?
            }
        };
        let known = Mutex::default();
        Ok(Self { cache: cache.to_owned(), blank: Arc::new(blank), known })
    }

    /// The engine against whose image a step is best compressed.
    pub async fn of(
        &self,
        provisioned: &Provisioned,
        snapshotter: &Snapshotter,
        project: &Path,
        bundle: &Bundle,
    ) -> Arc<EngineOnDisk> {
        if bundle.packages.bytes < WORTH {
            return Arc::clone(&self.blank);
        }
        let version = provision::key();
        let files = bundle.packages.files.iter().map(String::as_str);
        let key = Digest::of_parts([version.as_str()].into_iter().chain(files));
        // Held while it is evaluated: the next step most likely wants the same.
        let mut known = self.known.lock().await;
        if let Some(base) = known.get(&key) {
            return Arc::clone(base);
        }
        let made = self.make(provisioned, snapshotter, project, bundle, &key).await;
        let base = made.map_or_else(|_| Arc::clone(&self.blank), Arc::new);
        known.insert(key, Arc::clone(&base));
        base
    }

    /// Fails where the packages cannot be evaluated on their own, or what they read must not be kept.
    async fn make(
        &self,
        provisioned: &Provisioned,
        snapshotter: &Snapshotter,
        project: &Path,
        bundle: &Bundle,
        key: &Digest,
    ) -> Result<EngineOnDisk, BuildError> {
        let directory = self.cache.join(format!("javascript-base-{}", key.short()));
        if !directory.is_dir() {
            let mut step = String::new();
            for (i, name) in bundle.packages.imported.iter().enumerate() {
                step.push_str(&format!("import * as package{i} from {name:?}\n"));
            }
            // Exported, because esbuild leaves out what nothing uses.
            let packages: Vec<String> =
                (0..bundle.packages.imported.len()).map(|i| format!("package{i}")).collect();
            step.push_str(&format!("export const packages = [{}]\n{STEP}", packages.join(", ")));
            // Its imports are looked up from where it is.
            let place = project.join(".motia/base");
            fs::create_dir_all(&place)?;
            let file = place.join(format!("{}.step.js", key.short()));
            let image = evaluate(provisioned, snapshotter, project, &file, &step).await?;
            cache::once(&directory, |directory| self.blank.with_image(directory, &image))?;
        }
        Ok(EngineOnDisk::open(&directory)?)
    }
}

/// The image of a step of ours.
async fn evaluate(
    provisioned: &Provisioned,
    snapshotter: &Snapshotter,
    project: &Path,
    path: &Path,
    text: &str,
) -> Result<Image, BuildError> {
    fs::write(path, text)?;
    let source = Source {
        file: path.strip_prefix(project).unwrap_or(path).to_string_lossy().into_owned(),
        path: path.to_owned(),
        language: Language::JavaScript,
        role: Role::Step,
    };
    let bundle = Bundler::new(provisioned, project, &source).bundle(&Deferral::None);
    let first = |errors: Vec<BuildError>| {
        errors.into_iter().next().unwrap_or_else(|| BuildError::general("esbuild failed"))
    };
    let evaluated = snapshotter.evaluate(&bundle.map_err(first)?.code).await;
    let evaluated = evaluated.map_err(BuildError::general)?;
    match evaluated.report.error.is_none() && evaluated.report.reads.is_empty() {
        true => Ok(evaluated.image),
        false => Err(BuildError::general("the packages cannot be evaluated on their own")),
    }
}
