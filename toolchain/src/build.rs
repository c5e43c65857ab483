//! Building a project: every source through its language, then the project as a whole.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

use motia_manifest::{
    Artifact, Digest, Language, Manifest, SCHEMA_VERSION, Step, StepConfig, Stream, StreamConfig,
};
use motia_sandbox::{CallError, Sandbox};
use serde::Serialize;
use serde_json::Value;
use tokio::{
    sync::{OnceCell, Semaphore},
    task::JoinSet,
};

use crate::{
    BuildError, BuildErrors, Finding, Progress, Role, Source,
    discover::discover,
    javascript::{self, JavaScript},
    project,
    python::{self, Python},
    record::Record,
    rust::{self, Rust},
    source::Compiled,
};

/// What to build, and where to.
#[derive(Debug, Clone)]
pub struct BuildOptions {
    /// The project's directory.
    pub project: PathBuf,
    /// The bundle's directory.
    pub out: PathBuf,
    /// What becomes of a project in which a file has errors.
    pub broken: Broken,
}

/// What becomes of a project in which a file has errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Broken {
    /// The build fails.
    Fail,
    /// The bundle has the other steps; the report has the errors.
    LeaveOut,
}

/// What became of one source.
#[derive(Debug, Clone, Serialize)]
pub struct StepReport {
    /// Relative to the project.
    pub file: String,
    /// The name in the config.
    pub name: String,
    /// api, event, cron, noop or stream.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The source's language.
    pub language: Language,
    /// How long it took, in milliseconds.
    pub ms: u64,
    /// Whether it was left as it was.
    pub cached: bool,
    /// The size of the component.
    pub bytes: u64,
}

/// What a build made.
#[derive(Debug, Clone)]
pub struct BuildReport {
    /// The bundle's manifest.
    pub manifest: Manifest,
    /// Every source, ordered by file.
    pub steps: Vec<StepReport>,
    /// What the user should know.
    pub warnings: Vec<String>,
    /// The sources that were left out.
    pub left_out: BTreeSet<String>,
    /// Why.
    pub errors: BuildErrors,
}

/// Builds projects. What a language needs is set up at its first source and then kept.
#[derive(Clone)]
pub struct Toolchain(Arc<Inner>);

struct Inner {
    cache: PathBuf,
    sandbox: Arc<Sandbox>,
    javascript: OnceCell<JavaScript>,
    python: OnceCell<Python>,
    rust: OnceCell<Rust>,
}

/// A source that was not built, and why.
type Failed = (String, Vec<BuildError>);

/// A source that was built, and its config.
struct Built {
    source: Source,
    record: Record,
    ms: u64,
    cached: bool,
}

impl Toolchain {
    /// Keeps what is set up in `cache`, and reads configs in `sandbox`.
    pub fn new(cache: PathBuf, sandbox: Arc<Sandbox>) -> Self {
        Self(Arc::new(Inner {
            cache,
            sandbox,
            javascript: OnceCell::new(),
            python: OnceCell::new(),
            rust: OnceCell::new(),
        }))
    }

    /// What there is of each language, and what is missing.
    pub fn doctor(cache: &Path) -> Vec<Finding> {
        let mut findings = javascript::doctor(cache);
        findings.extend(python::doctor(cache));
        findings.extend(rust::doctor(cache));
        findings
    }

    /// Where the packages for JavaScript are, once they are set up.
    pub fn javascript_directory(cache: &Path) -> PathBuf {
        javascript::directory(cache)
    }

    /// Where the componentizer for Python is, once it is set up.
    pub fn componentize_py(cache: &Path) -> PathBuf {
        python::componentize_py(cache)
    }

    /// Builds a project.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub async fn build(
        &self,
        options: &BuildOptions,
        progress: Arc<dyn Progress>,
    ) -> Result<BuildReport, BuildErrors> {
        let one = |error: BuildError| BuildErrors::new(vec![error]);
        let project = fs::canonicalize(&options.project).map_err(|error| {
            one(BuildError::general(format!("{}: {error}", options.project.display())))
        })?;
        let out = &options.out;
        fs::create_dir_all(out)
            .map_err(|error| one(BuildError::general(format!("{}: {error}", out.display()))))?;
        let found = discover(&project).map_err(one)?;
        let mut warnings = found.warnings;
        if found.sources.is_empty() {
            warnings.push("there is no step; a step is a file such as steps/hello.step.ts".into());
        }

        let (built, failed) =
            self.compile_all(&project, out, found.sources, Arc::clone(&progress)).await;
        let mut left_out: BTreeSet<String> = failed.iter().map(|(file, _)| file.clone()).collect();
        let mut errors: Vec<BuildError> =
            failed.into_iter().flat_map(|(_, errors)| errors).collect();
        let mut steps = Vec::new();
        let mut streams = Vec::new();
        let mut reports = Vec::new();
        for built in built {
            let Built { source, record, ms, cached } = built;
            let mut report = StepReport {
                file: source.file.clone(),
                name: String::new(),
                kind: "stream",
                language: source.language,
                ms,
                cached,
                bytes: record.component.as_ref().map_or(0, |component| component.bytes),
            };
            match source.role {
                Role::Step => match StepConfig::from_json(&record.config) {
                    Ok(config) => {
                        report.name.clone_from(&config.name);
                        report.kind = config.kind.name();
                        steps.push((source, config, record));
                    }
                    Err(wrong) => errors.extend(project::config_errors(&source, &wrong)),
                },
                Role::Stream => match StreamConfig::from_json(&record.config) {
                    Ok(config) => {
                        report.name.clone_from(&config.name);
                        streams.push(Stream { file: source.file.clone(), config });
                    }
                    Err(wrong) => errors.extend(project::config_errors(&source, &wrong)),
                },
            }
            reports.push(report);
        }
        let configs: Vec<(Source, StepConfig)> =
            steps.iter().map(|(source, config, _)| (source.clone(), config.clone())).collect();
        errors.extend(project::conflicts(&configs, &streams));

        let mut manifest_steps = Vec::new();
        for (source, config, record) in steps {
            let included_files =
                project::included_files(&project, out, &source, &config.include_files)
                    .unwrap_or_else(|wrong| {
                        errors.extend(wrong);
                        Vec::new()
                    });
            manifest_steps.push(Step {
                file: source.file,
                language: source.language,
                component: record.component,
                source_map: record.source_map,
                included_files,
                config,
            });
        }
        let errors = BuildErrors::new(errors);
        if !errors.0.is_empty() && options.broken == Broken::Fail {
            return Err(errors);
        }
        left_out.extend(errors.0.iter().filter_map(|error| error.file.clone()));
        manifest_steps.retain(|step| !left_out.contains(&step.file));
        streams.retain(|stream| !left_out.contains(&stream.file));
        warnings.extend(project::warnings(&manifest_steps));
        let manifest = Manifest {
            schema_version: SCHEMA_VERSION,
            toolchain: toolchain_versions(&manifest_steps),
            steps: manifest_steps,
            streams,
        };
        manifest
            .write(out)
            .and_then(|()| prune(out, &manifest))
            .map_err(|error| one(BuildError::general(format!("{}: {error}", out.display()))))?;
        Ok(BuildReport { manifest, steps: reports, warnings, left_out, errors })
    }

    /// Compiles the sources, as many at a time as there are cores.
    async fn compile_all(
        &self,
        project: &Path,
        out: &Path,
        sources: Vec<Source>,
        progress: Arc<dyn Progress>,
    ) -> (Vec<Built>, Vec<Failed>) {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let permits = Arc::new(Semaphore::new(cores));
        let done = Arc::new(AtomicUsize::new(0));
        let all = sources.len();
        let runtime = tokio::runtime::Handle::current();
        let mut running = JoinSet::new();
        for source in sources {
            let (toolchain, permits, done) =
                (self.clone(), Arc::clone(&permits), Arc::clone(&done));
            let (project, out) = (project.to_owned(), out.to_owned());
            let (progress, runtime) = (Arc::clone(&progress), runtime.clone());
            running.spawn(async move {
                let _permit = permits.acquire_owned().await;
                // A compiler keeps its thread busy, so it gets one of its own.
                let work = tokio::task::spawn_blocking(move || {
                    let file = source.file.clone();
                    let built =
                        runtime.block_on(toolchain.source(&project, &out, source, &*progress));
                    progress.file(&file, done.fetch_add(1, Ordering::Relaxed) + 1, all);
                    built.map_err(|errors| (file, errors))
                });
                work.await
            });
        }
        let mut built = Vec::new();
        let mut failed = Vec::new();
        while let Some(joined) = running.join_next().await {
            match joined.and_then(|inner| inner) {
                Ok(Ok(source)) => built.push(source),
                Ok(Err(wrong)) => failed.push(wrong),
                Err(error) => {
                    let error = BuildError::general(format!("a build task ended: {error}"));
                    failed.push((String::new(), vec![error]));
                }
            }
        }
        built.sort_by(|a, b| a.source.file.cmp(&b.source.file));
        (built, failed)
    }

    /// Builds one source, unless it is unchanged.
    async fn source(
        &self,
        project: &Path,
        out: &Path,
        source: Source,
        progress: &dyn Progress,
    ) -> Result<Built, Vec<BuildError>> {
        let started = Instant::now();
        let version = match source.language {
            Language::Python => Python::version(),
            Language::Rust => Rust::version(),
            _ => JavaScript::version(),
        };
        if let Some(record) = Record::load(project, out, &source, &version) {
            return Ok(Built { source, record, ms: millis(started), cached: true });
        }
        let compiled = self.compile(project, &source, progress).await?;
        let config = match compiled.config {
            Some(config) => config,
            None => self.read_config(&source, &compiled.component).await.map_err(|e| vec![e])?,
        };
        let keep = || {
            let artifact = |folder, extension, content: &[u8]| {
                Artifact::write(out, folder, extension, content)
            };
            // A stream and a noop step are never called, so only their config is kept.
            let runs = source.role == Role::Step && config["type"] != "noop";
            let component = match runs {
                true => Some(artifact("components", "wasm", &compiled.component)?),
                false => None,
            };
            let source_map = match &compiled.source_map {
                Some(map) if runs => Some(artifact("maps", "map", map)?),
                _ => None,
            };
            let record = Record::new(version, &compiled.inputs, component, source_map, config)?;
            record.save(project, &source)?;
            std::io::Result::Ok(record)
        };
        let record =
            keep().map_err(|error| vec![BuildError::in_file(&source.file, error.to_string())])?;
        Ok(Built { source, record, ms: millis(started), cached: false })
    }

    async fn compile(
        &self,
        project: &Path,
        source: &Source,
        progress: &dyn Progress,
    ) -> Result<Compiled, Vec<BuildError>> {
        let Inner { cache, javascript, python, rust, .. } = &*self.0;
        let one = |error| vec![error];
        match source.language {
            Language::Python => {
                let set_up = async || Python::new(cache, progress);
                let python = python.get_or_try_init(set_up).await.map_err(one)?;
                python.compile(project, source, progress)
            }
            Language::Rust => {
                let set_up = async || Rust::new(cache, progress);
                let rust = rust.get_or_try_init(set_up).await.map_err(one)?;
                rust.compile(project, source)
            }
            _ => {
                let set_up = async || JavaScript::new(cache, progress);
                let javascript = javascript.get_or_try_init(set_up).await.map_err(one)?;
                javascript.compile(project, source).await
            }
        }
    }

    /// Reads a config by calling the component in the sandbox; a second time with placeholders for
    /// missing variables, as the guests know them.
    async fn read_config(&self, source: &Source, component: &[u8]) -> Result<Value, BuildError> {
        let wrong = |message: String| BuildError::in_file(&source.file, message);
        let sandbox = &self.0.sandbox;
        let loaded =
            sandbox.load(&source.file, component).map_err(|error| wrong(error.to_string()))?;
        let config = match sandbox.config(&loaded, Vec::new()).await {
            Err(first @ CallError::Guest(_)) => {
                let placeholders = vec![("MOTIA_CONFIG_PLACEHOLDERS".to_owned(), "1".to_owned())];
                sandbox.config(&loaded, placeholders).await.map_err(|_| first)
            }
            read => read,
        };
        match config {
            Ok(json) => serde_json::from_str(&json).map_err(|error| wrong(error.to_string())),
            Err(CallError::Guest(failure)) => {
                let prefix = format!("{}: ", source.file);
                let message = failure.message.strip_prefix(&prefix).unwrap_or(&failure.message);
                Err(wrong(message.to_owned()))
            }
            Err(error) => Err(wrong(format!("the config cannot be read: {error}"))),
        }
    }
}

fn millis(started: Instant) -> u64 {
    u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX)
}

fn toolchain_versions(steps: &[Step]) -> BTreeMap<String, String> {
    let languages: BTreeSet<Language> = steps.iter().map(|step| step.language).collect();
    let mut versions = BTreeMap::from([("motia".to_owned(), env!("CARGO_PKG_VERSION").to_owned())]);
    for language in languages {
        let (name, digest): (_, Digest) = match language {
            Language::JavaScript | Language::TypeScript => ("javascript", JavaScript::version()),
            Language::Python => ("python", Python::version()),
            Language::Rust => ("rust", Rust::version()),
            Language::Component => continue,
        };
        versions.insert(name.to_owned(), digest.short().to_owned());
    }
    versions
}

/// Deletes what earlier builds left in the bundle.
fn prune(out: &Path, manifest: &Manifest) -> std::io::Result<()> {
    let kept: BTreeSet<&str> =
        manifest.artifacts().map(|artifact| artifact.path.as_str()).collect();
    for folder in ["components", "maps", "files"] {
        let Ok(entries) = fs::read_dir(out.join(folder)) else { continue };
        for entry in entries {
            let entry = entry?;
            let path = format!("{folder}/{}", entry.file_name().to_string_lossy());
            if !kept.contains(path.as_str()) {
                fs::remove_file(entry.path())?;
            }
        }
    }
    Ok(())
}
