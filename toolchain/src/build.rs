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
    Artifact, Code, Digest, Language, Manifest, ProjectConfig, SCHEMA_VERSION, Step, StepConfig,
    Stream, StreamConfig, StreamHook, compress,
};
use motia_sandbox::{CallError, Sandbox, Wasm};
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
    project, project_config,
    python::{self, Python},
    record::{Made, Record},
    rust::{self, Rust},
    source::{Compiled, CompiledCode},
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
    /// What a step is in the bundle.
    pub form: Form,
}

/// What a step of a language with an engine is in the bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// The image of an engine that steps share.
    Shared,
    /// The same, with less time for compression: for `dev`.
    Quick,
    /// An ordinary component, which any host runs.
    SelfContained,
}

impl Form {
    /// The level of zstd.
    fn compression(self) -> i32 {
        match self {
            Self::Quick => 1,
            Self::Shared | Self::SelfContained => 3,
        }
    }
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
    /// api, event, cron, state, stream, noop; stream of a stream file as well, and config of the project's own.
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
        let mut found = discover(&project).map_err(one)?;
        let mut config_missing = false;
        let mut warnings = found.warnings;
        if found.sources.is_empty() {
            warnings.push("there is no step; a step is a file such as steps/hello.step.ts".into());
        }
        if let Some(config) = found.config {
            match project_config::nothing_of_use(&config) {
                Some(ignored) => {
                    warnings.extend(project_config::warnings(&config.file, &ignored, &[]));
                }
                None => {
                    config_missing = true;
                    found.sources.push(config);
                }
            }
        }

        let (built, failed) =
            self.compile_all(&project, options, found.sources, Arc::clone(&progress)).await;
        let mut left_out: BTreeSet<String> = failed.iter().map(|(file, _)| file.clone()).collect();
        let mut errors: Vec<BuildError> =
            failed.into_iter().flat_map(|(_, errors)| errors).collect();
        let mut steps = Vec::new();
        let mut streams = Vec::new();
        let mut stream_auth = None;
        let mut engines = BTreeMap::new();
        let mut reports = Vec::new();
        for built in built {
            let Built { source, mut record, ms, cached } = built;
            if let Some(engine) = record.made.engine.take() {
                engines.insert(engine.image.sha256.clone(), engine);
            }
            let mut report = StepReport {
                file: source.file.clone(),
                name: String::new(),
                kind: "stream",
                language: source.language,
                ms,
                cached,
                bytes: record.made.code.as_ref().map_or(0, |code| code.artifact().bytes),
            };
            match source.role {
                Role::Step => match StepConfig::from_json(&record.made.config) {
                    Ok(config) => {
                        report.name.clone_from(&config.name);
                        report.kind = config.kind.name();
                        steps.push((source, config, record));
                    }
                    Err(wrong) => errors.extend(project::config_errors(&source, &wrong)),
                },
                Role::Stream => match StreamConfig::from_json(&record.made.config) {
                    Ok(config) => {
                        report.name.clone_from(&config.name);
                        streams.push(Stream {
                            file: source.file.clone(),
                            language: source.language,
                            code: record.made.code,
                            source_map: record.made.source_map,
                            config,
                        });
                    }
                    Err(wrong) => errors.extend(project::config_errors(&source, &wrong)),
                },
                Role::Project => match ProjectConfig::from_json(&record.made.config) {
                    Ok(config) => {
                        report.name.clone_from(&source.file);
                        report.kind = "config";
                        config_missing = false;
                        let (ignored, missing) = (&config.ignored, &config.missing_modules);
                        warnings.extend(project_config::warnings(&source.file, ignored, missing));
                        stream_auth = project_config::stream_auth(&source, config, &record.made);
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
                code: record.made.code,
                source_map: record.made.source_map,
                included_files,
                config,
            });
        }
        let errors = BuildErrors::new(errors);
        // Without its own config, a project would let clients in that it refuses.
        if !errors.0.is_empty() && (options.broken == Broken::Fail || config_missing) {
            return Err(errors);
        }
        left_out.extend(errors.0.iter().filter_map(|error| error.file.clone()));
        manifest_steps.retain(|step| !left_out.contains(&step.file));
        streams.retain(|stream| !left_out.contains(&stream.file));
        warnings.extend(project::warnings(&manifest_steps));
        if stream_auth.is_none() {
            warnings.extend(project::closed_streams(&streams));
        }
        let manifest = Manifest {
            schema_version: SCHEMA_VERSION,
            toolchain: toolchain_versions(&manifest_steps),
            engines: engines.into_values().collect(),
            steps: manifest_steps,
            streams,
            stream_auth,
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
        options: &BuildOptions,
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
            let (project, options) = (project.to_owned(), options.clone());
            let (progress, runtime) = (Arc::clone(&progress), runtime.clone());
            running.spawn(async move {
                let _permit = permits.acquire_owned().await;
                // A compiler keeps its thread busy, so it gets one of its own.
                let work = tokio::task::spawn_blocking(move || {
                    let file = source.file.clone();
                    let built =
                        runtime.block_on(toolchain.source(&project, &options, source, &*progress));
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
        options: &BuildOptions,
        source: Source,
        progress: &dyn Progress,
    ) -> Result<Built, Vec<BuildError>> {
        let started = Instant::now();
        let out = &options.out;
        let version = match source.language {
            Language::Python => Python::version(),
            Language::Rust => Rust::version(),
            _ => JavaScript::version(),
        };
        let version = match options.form {
            Form::SelfContained => Digest::of_parts([version.as_str(), "self-contained"]),
            Form::Shared | Form::Quick => version,
        };
        if let Some(record) = Record::load(project, out, &source, &version) {
            return Ok(Built { source, record, ms: millis(started), cached: true });
        }
        let compiled = self.compile(project, &source, progress).await?;
        let config = match (compiled.config, &compiled.code) {
            (Some(config), _) => config,
            (None, CompiledCode::Component(component)) => {
                self.read_config(&source, component).await.map_err(|error| vec![error])?
            }
            (None, CompiledCode::Image(..)) => {
                let error = BuildError::in_file(&source.file, "the config was not read");
                return Err(vec![error]);
            }
        };
        let keep = || {
            let runs = runs(source.role, &config);
            let mut made = Made { code: None, engine: None, source_map: None, config };
            let component = |content: &[u8]| {
                Artifact::write(out, "components", "wasm", content).map(Code::Component)
            };
            if runs {
                made.code = Some(match &compiled.code {
                    CompiledCode::Component(content) => component(content)?,
                    CompiledCode::Image(engine, image) if options.form == Form::SelfContained => {
                        component(&engine.self_contained(image)?)?
                    }
                    CompiledCode::Image(engine, image) => {
                        made.engine = Some(engine.files().clone());
                        engine.keep(out, image, options.form.compression())?
                    }
                });
                if let Some(map) = &compiled.source_map {
                    let map = compress(map, options.form.compression(), &[])?;
                    made.source_map = Some(Artifact::write(out, "maps", "map.zst", &map)?);
                }
            }
            let record = Record::new(version, &compiled.inputs, made)?;
            record.save(project, out, &source)?;
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
        let Inner { cache, sandbox, javascript, python, rust } = &*self.0;
        let one = |error| vec![error];
        match source.language {
            Language::Python => {
                let set_up = async || Python::new(cache, Arc::clone(sandbox), progress).await;
                let python = python.get_or_try_init(set_up).await.map_err(one)?;
                python.compile(project, source, progress).await
            }
            Language::Rust => {
                let set_up = async || Rust::new(cache, progress);
                let rust = rust.get_or_try_init(set_up).await.map_err(one)?;
                rust.compile(project, source)
            }
            _ => {
                let set_up = async || JavaScript::new(cache, sandbox, progress).await;
                let javascript = javascript.get_or_try_init(set_up).await.map_err(one)?;
                javascript.compile(project, source).await
            }
        }
    }

    /// Reads a config by calling the component in the sandbox.
    async fn read_config(&self, source: &Source, component: &[u8]) -> Result<Value, BuildError> {
        let wrong = |message: String| BuildError::in_file(&source.file, message);
        let sandbox = &self.0.sandbox;
        let loaded = sandbox
            .load(&source.file, &Wasm::from(component.to_vec()))
            .map_err(|error| wrong(error.to_string()))?;
        match sandbox.config(&loaded, Vec::new()).await {
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

/// Whether a source is ever called; of others only the config is kept.
fn runs(role: Role, config: &Value) -> bool {
    match role {
        Role::Step => config["type"] != "noop",
        Role::Stream => StreamHook::NAMED.iter().any(|(name, _)| config[*name] == true),
        Role::Project => config["authenticates"] == true,
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
    for folder in ["components", "engines", "images", "maps", "files"] {
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
