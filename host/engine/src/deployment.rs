//! A bundle that is ready to serve: components loaded, schemas compiled, topics and routes indexed.
//!
//! A deployment never changes. A new version is another deployment; what runs keeps the one that it
//! started with.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    path::PathBuf,
    sync::{Arc, OnceLock},
    time::Duration,
};

use motia_manifest::{
    Artifact, Bundle, BundleError, Code, Digest, Language, Manifest, Schedule, StackMapper, Step,
    StepConfig, StepKind, StepName, Stream, stays_inside,
};
use motia_sandbox::{
    EngineParts, Grants, IncludedFiles, Limits, LoadError, OutgoingHttp, Sandbox, StepComponent,
    Wasm,
};

use serde_json::Value;

use crate::{
    hooks::{self, Hooks},
    policy::QueuePolicy,
    reactions::Watcher,
    schema::Schema,
};

/// Attempts of one step at the same time, where its config does not say.
const STEP_CONCURRENCY: usize = 10;

/// The place of a step in its deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StepIndex(pub usize);

/// What a deployment grants its steps.
#[derive(Debug, Clone)]
pub struct DeploymentOptions {
    /// Environment variables.
    pub environment: Vec<(String, String)>,
    /// Hosts for outgoing HTTP.
    pub outgoing_http: OutgoingHttp,
    /// Where included files are laid out for the steps.
    pub files_directory: PathBuf,
    /// Whether a response that breaks its `responseSchema` is an error; otherwise it is a warning.
    pub strict_responses: bool,
    /// Limits of api steps.
    pub api_limits: Limits,
    /// Limits of event and cron steps.
    pub background_limits: Limits,
}

/// Why a bundle cannot be deployed.
#[derive(Debug, thiserror::Error)]
pub enum DeployError {
    /// The bundle on disk.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// A component.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// A schema.
    #[error("{file}: config.{field} is not a JSON Schema that can be used: {cause}")]
    Schema {
        /// The step's file.
        file: String,
        /// The config's field.
        field: String,
        /// What is wrong.
        cause: String,
    },
    /// Another part of a step.
    #[error("{file}: {cause}")]
    Step {
        /// The step's file.
        file: String,
        /// What is wrong.
        cause: String,
    },
}

/// One step of a deployment.
pub struct DeployedStep {
    /// What the manifest says.
    pub step: Step,
    /// The name as a key.
    pub name: StepName,
    pub(crate) component: Option<StepComponent>,
    pub(crate) grants: Grants,
    pub(crate) schedule: Option<Schedule>,
    pub(crate) stack_mapper: Option<LazyStackMapper>,
    /// How its queue works, as its config says; none if it has no queue.
    pub(crate) policy: Option<QueuePolicy>,
    schema: Option<Schema>,
    response_schemas: BTreeMap<String, Schema>,
}

/// A source map that is read when the first stack trace needs it.
pub(crate) struct LazyStackMapper {
    bundle: Arc<Bundle>,
    map: Artifact,
    mapper: OnceLock<Option<StackMapper>>,
}

impl LazyStackMapper {
    /// The trace in the user's own files, or as it is if the map is of no use.
    pub fn apply(&self, stack: String) -> String {
        let read = || StackMapper::new(&self.bundle.read(&self.map).ok()?).ok();
        match self.mapper.get_or_init(read) {
            Some(mapper) => mapper.apply(&stack),
            None => stack,
        }
    }
}

impl DeployedStep {
    /// What it may use.
    pub fn grants(&self) -> &Grants {
        &self.grants
    }

    /// The schema of the body, where there is one and validation is on.
    pub fn body_schema(&self) -> Option<&Schema> {
        matches!(self.step.config.kind, StepKind::Api(_)).then_some(self.schema.as_ref()).flatten()
    }

    /// The schema of a response's body, by its status.
    pub(crate) fn response_schema(&self, status: u16) -> Option<&Schema> {
        if self.response_schemas.is_empty() {
            return None;
        }
        self.response_schemas.get(&status.to_string())
    }

    /// The schema of an event's data, where there is one and validation is on.
    pub(crate) fn input_schema(&self) -> Option<&Schema> {
        matches!(self.step.config.kind, StepKind::Event(_))
            .then_some(self.schema.as_ref())
            .flatten()
    }

    /// Whether the step may emit to a topic.
    pub(crate) fn may_emit(&self, topic: &str) -> bool {
        let emits = &self.step.config.emits;
        emits.is_empty() || emits.iter().any(|emit| emit.topic == topic)
    }
}

/// A bundle that is ready to serve.
pub struct Deployment {
    /// Whether a response that breaks its schema is an error.
    pub(crate) strict_responses: bool,
    bundle: Arc<Bundle>,
    /// Those of the manifest, and behind them the `hooks`.
    steps: Vec<DeployedStep>,
    hooks: Hooks,
    subscribers: HashMap<String, Vec<StepIndex>>,
    indexes: HashMap<StepName, StepIndex>,
    watchers: Vec<Watcher>,
    /// For the deployment after this one, where deployments follow each other.
    blanks: Blanks,
}

/// Engines' images without a step, by their digests. Each is read for the first image whose native form
/// is not kept.
type Blanks = HashMap<Digest, Arc<OnceLock<Vec<u8>>>>;

impl Deployment {
    /// Loads a bundle; takes the components that have not changed from the deployment `before`.
    /// Blocks while components are compiled.
    ///
    /// # Errors
    /// Names the file that cannot be used.
    pub fn load(
        bundle: Bundle,
        sandbox: &Sandbox,
        options: &DeploymentOptions,
        before: Option<&Self>,
    ) -> Result<Arc<Self>, DeployError> {
        let bundle = Arc::new(bundle);
        let loader = Loader {
            bundle: &bundle,
            sandbox,
            options,
            environment: Arc::new(options.environment.clone()),
            before,
            blanks: blanks(&bundle, before),
        };
        let own = bundle.manifest().steps.len();
        let (hooks, more) = Hooks::of(bundle.manifest())?;
        let steps = loader.steps(&[&bundle.manifest().steps[..], &more[..]].concat())?;
        let mut names = HashSet::new();
        let mut subscribers: HashMap<String, Vec<StepIndex>> = HashMap::new();
        for (i, step) in steps.iter().take(own).enumerate() {
            if !names.insert(step.name.clone()) {
                let cause = format!("the name `{}` is used by another step", step.name);
                return Err(DeployError::Step { file: step.step.file.clone(), cause });
            }
            if let StepKind::Event(event) = &step.step.config.kind {
                for topic in &event.subscribes {
                    let list = subscribers.entry(topic.clone()).or_default();
                    if list.last() != Some(&StepIndex(i)) {
                        list.push(StepIndex(i));
                    }
                }
            }
        }
        let numbered = || steps.iter().take(own).enumerate().map(|(i, step)| (StepIndex(i), step));
        let indexes = numbered().map(|(index, step)| (step.name.clone(), index)).collect();
        let watchers = numbered().filter_map(|(index, step)| Watcher::of(index, step)).collect();
        Ok(Arc::new(Self {
            strict_responses: options.strict_responses,
            steps,
            hooks,
            subscribers,
            indexes,
            watchers,
            blanks: before.map(|_| loader.blanks).unwrap_or_default(),
            bundle,
        }))
    }

    /// The digest of the bundle's manifest.
    pub fn digest(&self) -> &Digest {
        self.bundle.digest()
    }

    /// The manifest.
    pub fn manifest(&self) -> &Manifest {
        self.bundle.manifest()
    }

    /// All steps; the place in this list is the [`StepIndex`].
    pub fn steps(&self) -> &[DeployedStep] {
        &self.steps[..self.manifest().steps.len()]
    }

    /// What runs beside the steps, which `step` knows as well.
    pub(crate) fn hooks(&self) -> &Hooks {
        &self.hooks
    }

    /// One step.
    pub fn step(&self, index: StepIndex) -> &DeployedStep {
        &self.steps[index.0]
    }

    /// The event steps that subscribe to a topic.
    pub fn subscribers(&self, topic: &str) -> &[StepIndex] {
        self.subscribers.get(topic).map_or(&[], Vec::as_slice)
    }

    /// The step with a name.
    pub fn index(&self, step: &StepName) -> Option<StepIndex> {
        self.indexes.get(step).copied()
    }

    /// The steps that watch state and streams.
    pub(crate) fn watchers(&self) -> &[Watcher] {
        &self.watchers
    }

    /// The component with a digest, if a step has it.
    fn component(&self, digest: &Digest) -> Option<StepComponent> {
        let has = |step: &&DeployedStep| {
            step.step.code.as_ref().is_some_and(|code| code.artifact().sha256 == *digest)
        };
        self.steps.iter().find(has)?.component.clone()
    }

    /// A declared stream.
    pub(crate) fn stream(&self, name: &str) -> Option<&Stream> {
        self.manifest().streams.iter().find(|stream| stream.config.name == name)
    }

    /// Whether a stream is declared.
    pub(crate) fn has_stream(&self, name: &str) -> bool {
        self.stream(name).is_some()
    }
}

/// What loading a step needs.
struct Loader<'a> {
    bundle: &'a Arc<Bundle>,
    sandbox: &'a Sandbox,
    options: &'a DeploymentOptions,
    environment: Arc<Vec<(String, String)>>,
    before: Option<&'a Deployment>,
    blanks: Blanks,
}

/// Those of a bundle's engines; what the deployment before has read is not read again.
fn blanks(bundle: &Bundle, before: Option<&Deployment>) -> Blanks {
    let digests = bundle.manifest().engines.iter().map(|engine| &engine.image.sha256);
    let known = |digest| before.and_then(|before| before.blanks.get(digest)).cloned();
    digests.map(|digest| (digest.clone(), known(digest).unwrap_or_default())).collect()
}

impl Loader<'_> {
    /// Steps, loaded by as many threads as there are cores.
    fn steps(&self, steps: &[Step]) -> Result<Vec<DeployedStep>, DeployError> {
        let threads = std::thread::available_parallelism().map_or(1, |cores| cores.get());
        let share = steps.len().div_ceil(threads).max(1);
        let load = |steps: &[Step]| steps.iter().map(|step| self.step(step)).collect();
        std::thread::scope(|scope| {
            let load = &load;
            let parts: Vec<_> =
                steps.chunks(share).map(|part| scope.spawn(move || load(part))).collect();
            let mut loaded = Vec::new();
            for part in parts {
                match part.join() {
                    Ok(steps) => {
                        let steps: Result<Vec<_>, DeployError> = steps;
                        loaded.extend(steps?);
                    }
                    Err(panic) => std::panic::resume_unwind(panic),
                }
            }
            Ok(loaded)
        })
    }

    fn step(&self, step: &Step) -> Result<DeployedStep, DeployError> {
        let stack_mapper = step.source_map.as_ref().map(|map| LazyStackMapper {
            bundle: Arc::clone(self.bundle),
            map: map.clone(),
            mapper: OnceLock::new(),
        });
        let schedule = match &step.config.kind {
            StepKind::Cron(cron) => {
                Some(Schedule::parse(&cron.cron, cron.timezone.as_deref()).map_err(|error| {
                    DeployError::Step { file: step.file.clone(), cause: error.to_string() }
                })?)
            }
            _ => None,
        };
        let limits = Arc::new(limits_of(&step.config, self.options));
        let policy = QueuePolicy::of(&step.config, &limits, STEP_CONCURRENCY)
            .map_err(|cause| DeployError::Step { file: step.file.clone(), cause })?;
        Ok(DeployedStep {
            policy,
            name: StepName::from(step.config.name.as_str()),
            component: self.code(step)?,
            grants: Grants {
                environment: Arc::clone(&self.environment),
                outgoing_http: self.options.outgoing_http.clone(),
                included_files: lay_out_files(self.bundle, self.options, step)?,
                limits,
            },
            schedule,
            stack_mapper,
            schema: schema_of(step)?,
            response_schemas: response_schemas_of(step)?,
            step: step.clone(),
        })
    }

    fn code(&self, step: &Step) -> Result<Option<StepComponent>, DeployError> {
        let Some(code) = &step.code else { return Ok(None) };
        let artifact = code.artifact();
        if let Some(loaded) = self.before.and_then(|before| before.component(&artifact.sha256)) {
            return Ok(Some(loaded));
        }
        self.bundle.check(artifact)?;
        let loaded = match code {
            Code::Component(artifact) => self.sandbox.load(&step.file, &self.wasm(artifact)),
            Code::Image(image) => {
                let files = self.bundle.engine(step, image)?.clone();
                let engine = self.sandbox.engine(&EngineParts {
                    component: self.wasm(&files.component),
                    module: files.module.as_ref().map(|module| self.wasm(module)),
                })?;
                let (bundle, artifact) = (Arc::clone(self.bundle), artifact.clone());
                let blank = self.blanks.get(&image.engine).cloned().unwrap_or_default();
                let read = move || {
                    if blank.get().is_none() {
                        // Another thread may have read it meanwhile.
                        let _ = blank.set(bundle.read(&files.image)?);
                    }
                    bundle.read_against(&artifact, blank.get().map_or(&[], Vec::as_slice))
                };
                let wasm = Wasm::new(image.artifact.sha256.clone(), move || {
                    read().map_err(std::io::Error::other)
                });
                self.sandbox.load_image(&step.file, &engine, &wasm)
            }
        };
        Ok(Some(loaded?))
    }

    /// A file of the bundle, read when its native code is not kept.
    fn wasm(&self, artifact: &Artifact) -> Wasm {
        let (bundle, artifact) = (Arc::clone(self.bundle), artifact.clone());
        Wasm::new(artifact.sha256.clone(), move || {
            bundle.read(&artifact).map_err(std::io::Error::other)
        })
    }
}

fn schema_of(step: &Step) -> Result<Option<Schema>, DeployError> {
    let (field, schema) = match &step.config.kind {
        StepKind::Api(api) if api.validate => ("bodySchema", &api.body_schema),
        StepKind::Event(event) if event.validate => ("input", &event.input),
        _ => return Ok(None),
    };
    schema.as_ref().map(|schema| compile(step, field.to_owned(), schema)).transpose()
}

fn response_schemas_of(step: &Step) -> Result<BTreeMap<String, Schema>, DeployError> {
    let StepKind::Api(api) = &step.config.kind else { return Ok(BTreeMap::new()) };
    api.response_schema
        .iter()
        .filter(|_| api.validate)
        .map(|(status, schema)| {
            let field = format!("responseSchema.{status}");
            Ok((status.clone(), compile(step, field, schema)?))
        })
        .collect()
}

fn compile(step: &Step, field: String, schema: &Value) -> Result<Schema, DeployError> {
    Schema::compile(schema).map_err(|cause| DeployError::Schema {
        file: step.file.clone(),
        field,
        cause,
    })
}

fn limits_of(config: &StepConfig, options: &DeploymentOptions) -> Limits {
    match &config.kind {
        StepKind::Api(_) => return options.api_limits.clone(),
        // A noop step does not run; the hooks, which do, have its kind.
        StepKind::Noop => return hooks::limits(&options.api_limits),
        _ => {}
    }
    let mut limits = options.background_limits.clone();
    let Some(infrastructure) = config.kind.infrastructure() else { return limits };
    let handler = &infrastructure.handler;
    if let Some(seconds) = handler.timeout {
        limits.wall_clock = Duration::from_secs(seconds.into());
    }
    if let Some(megabytes) = handler.ram {
        limits.memory = megabytes as usize * 1024 * 1024;
    }
    limits
}

/// Puts the files that a step may read into a directory of their own, named by what is in it.
fn lay_out_files(
    bundle: &Bundle,
    options: &DeploymentOptions,
    step: &Step,
) -> Result<Option<IncludedFiles>, DeployError> {
    if step.included_files.is_empty() {
        return Ok(None);
    }
    let failed = |error: std::io::Error| DeployError::Step {
        file: step.file.clone(),
        cause: format!(
            "included files cannot be laid out in {}: {error}",
            options.files_directory.display()
        ),
    };
    let parts =
        step.included_files.iter().flat_map(|f| [f.name.as_str(), f.artifact.sha256.as_str()]);
    let directory = options.files_directory.join(Digest::of_parts(parts).short());
    for file in &step.included_files {
        let relative = std::path::Path::new(&file.name);
        if !stays_inside(relative) {
            let cause = format!("the included file `{}` is outside the project", file.name);
            return Err(DeployError::Step { file: step.file.clone(), cause });
        }
        let path = directory.join(relative);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(failed)?;
        }
        std::fs::write(&path, bundle.read(&file.artifact)?).map_err(failed)?;
    }
    // The Python glue shows a project's files there: it is what `__file__` says.
    let mount = (step.language == Language::Python).then(|| "/2".to_owned());
    Ok(Some(IncludedFiles { directory, mount }))
}
