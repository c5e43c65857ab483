//! JavaScript and TypeScript: bundled by esbuild, evaluated once in the engine, and snapshotted.
//!
//! componentize-js spends nearly all of its time compiling the same engine. The engine with the
//! world's bindings depends only on the world, so it is made once (`provision.rs`), compiled once,
//! and every step is evaluated in an instance of it (`snapshot.rs`). The same native code then runs
//! the steps.

mod base;
mod bundle;
mod defer;
mod provision;
mod snapshot;

use std::path::{Path, PathBuf};

use motia_manifest::Digest;
use motia_sandbox::Sandbox;

use self::{
    base::Bases, bundle::Bundler, defer::Deferral, provision::Provisioned, snapshot::Snapshotter,
};
use crate::{
    BuildError, Progress, Role, Source,
    source::{Compiled, CompiledCode},
};

pub use provision::{directory, doctor};

/// Compiles JavaScript and TypeScript sources.
pub struct JavaScript {
    provisioned: Provisioned,
    snapshotter: Snapshotter,
    bases: Bases,
}

impl JavaScript {
    /// Sets up what is needed, once for each version.
    pub async fn new(
        cache: &Path,
        sandbox: &Sandbox,
        progress: &dyn Progress,
    ) -> Result<Self, BuildError> {
        let provisioned = Provisioned::new(cache, progress)?;
        let snapshotter = Snapshotter::new(&provisioned, sandbox, progress)?;
        let bases = Bases::new(cache, &provisioned, &snapshotter).await?;
        Ok(Self { provisioned, snapshotter, bases })
    }

    /// Compiles one source.
    pub async fn compile(
        &self,
        project: &Path,
        source: &Source,
    ) -> Result<Compiled, Vec<BuildError>> {
        let mut bundler = Bundler::new(&self.provisioned, project, source);
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
            let mut config = self
                .snapshotter
                .config(&bundle.code, evaluated.config, &deferral)
                .await
                .map_err(|failure| vec![bundle.explain(source, &failure)])?;
            if source.role == Role::Project {
                config["missingModules"] = bundle.missing_modules.clone().into();
            }
            let engine =
                self.bases.of(&self.provisioned, &self.snapshotter, project, &bundle).await;
            return Ok(Compiled {
                code: CompiledCode::Image(engine, evaluated.image),
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

/// Where a project's configuration that esbuild reads may be.
fn project_files(project: &Path) -> impl Iterator<Item = PathBuf> + '_ {
    ["package.json", "tsconfig.json"].into_iter().map(|name| project.join(name))
}
