//! JavaScript and TypeScript: bundled by esbuild, evaluated once in the engine, and snapshotted.
//!
//! componentize-js spends nearly all of its time compiling the same engine. The engine with the
//! world's bindings depends only on the world, so it is made once (`provision.rs`), compiled once,
//! and every step is evaluated in an instance of it (`snapshot.rs`). The same native code then runs
//! the steps.

mod bundle;
mod defer;
mod provision;
mod snapshot;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use motia_manifest::{Digest, Language};
use motia_sandbox::Sandbox;

use self::{bundle::Bundler, defer::Deferral, provision::Provisioned, snapshot::Snapshotter};
use crate::{
    BuildError, Progress, Role, Source,
    engine::EngineOnDisk,
    sharing::Image,
    source::{Compiled, CompiledCode},
};

pub use provision::{directory, doctor};

/// Compiles JavaScript and TypeScript sources.
pub struct JavaScript {
    provisioned: Provisioned,
    snapshotter: Snapshotter,
    engine: Arc<EngineOnDisk>,
}

/// The step in the image without a step.
const BLANK: &str = "export const config = { type: 'cron', name: 'Blank', cron: '0 0 1 1 *' }
export const handler = async () => {}
";

impl JavaScript {
    /// Sets up what is needed, once for each version.
    pub async fn new(
        cache: &Path,
        sandbox: &Sandbox,
        progress: &dyn Progress,
    ) -> Result<Self, BuildError> {
        let provisioned = Provisioned::new(cache, progress)?;
        let snapshotter = Snapshotter::new(&provisioned, sandbox, progress)?;
        let engine = match provisioned.engine()? {
            Some(engine) => engine,
            None => provisioned.keep_image(&blank(&provisioned, &snapshotter).await?)?,
        };
        Ok(Self { provisioned, snapshotter, engine: Arc::new(engine) })
    }

    /// Compiles one source.
    pub async fn compile(
        &self,
        project: &Path,
        source: &Source,
    ) -> Result<Compiled, Vec<BuildError>> {
        let bundler = Bundler::new(&self.provisioned, project, source);
        let mut deferral = Deferral::None;
        // Each round defers more modules, so this ends at the latest when all are deferred.
        loop {
            let bundle = bundler.bundle(&deferral)?;
            if bundle.top_level_await && !deferral.is_all() {
                deferral = Deferral::all_asynchronous();
                continue;
            }
            let evaluated = self
                .snapshotter
                .evaluate(&bundle.code)
                .await
                .map_err(|error| vec![BuildError::in_file(&source.file, error)])?;
            if !evaluated.report.reads.is_empty() {
                deferral = deferral.with(&evaluated.report.reads, &bundle.graph);
                continue;
            }
            if let Some(error) = &evaluated.report.error {
                return Err(vec![bundle.explain(source, error)]);
            }
            let config = self
                .snapshotter
                .config(&bundle.code, evaluated.config, &deferral)
                .await
                .map_err(|failure| vec![bundle.explain(source, &failure)])?;
            return Ok(Compiled {
                code: CompiledCode::Image(Arc::clone(&self.engine), evaluated.image),
                source_map: Some(bundle.source_map),
                config: Some(config),
                inputs: bundle.inputs,
            });
        }
    }

    /// The digest of everything but the sources that shapes a component.
    pub fn version() -> Digest {
        provision::key()
    }
}

/// The image of the engine with the glue, and next to no step.
async fn blank(provisioned: &Provisioned, snapshotter: &Snapshotter) -> Result<Image, BuildError> {
    let project = tempfile::tempdir()?;
    let file = "blank.step.js";
    let path = project.path().join(file);
    std::fs::write(&path, BLANK)?;
    let source =
        Source { file: file.to_owned(), path, language: Language::JavaScript, role: Role::Step };
    let bundle = Bundler::new(provisioned, project.path(), &source).bundle(&Deferral::None);
    let first = |errors: Vec<BuildError>| {
        errors.into_iter().next().unwrap_or_else(|| BuildError::general("esbuild failed"))
    };
    let evaluated = snapshotter.evaluate(&bundle.map_err(first)?.code).await;
    Ok(evaluated.map_err(BuildError::general)?.image)
}

/// Where a project's configuration that esbuild reads may be.
fn project_files(project: &Path) -> impl Iterator<Item = PathBuf> + '_ {
    ["package.json", "tsconfig.json"].into_iter().map(|name| project.join(name))
}
