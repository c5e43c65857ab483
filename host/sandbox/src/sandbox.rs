//! Loading components and invoking them.

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use tokio::{sync::Semaphore, time::timeout};
use wasmtime::{Store, Strategy, Trap, component::ResourceTable};
use wasmtime_wasi::{FsPerms, WasiCtx, WasiCtxBuilder};
use wasmtime_wasi_http::WasiHttpCtx;

use crate::{
    CallError, Capabilities, Event, Failure, Invocation, Limits, LoadError, LogLevel,
    NoCapabilities, RequestBody, Response, ResponseBody, StreamAction, SubscriptionRequest,
    Trigger,
    bindings::{Step, motia::step::types},
    code_cache::Wasm,
    cpu_budget::{CpuBudget, CpuTime},
    host::{Host, Usage},
    outgoing_http::{Outgoing, OutgoingHttp},
    output::GuestOutput,
    runtime::{Compiler, Ready, Runtime},
    shared_engine::{EngineParts, Loaded, SharedEngine, SharedEngines},
};

/// How a sandbox is set up.
#[derive(Debug, Clone)]
pub struct SandboxOptions {
    /// Which compiler makes native code.
    pub compiler: Compiler,
    /// Where native code is kept; only in memory if none. Nobody else may write there.
    pub code_directory: Option<PathBuf>,
    /// Instances at the same time, 64.
    pub instances: u32,
    /// The largest memory that any step may have; a step's own limit is at most this. 1 GiB.
    pub max_memory: usize,
    /// The largest component or image that is compiled. 64 MiB.
    pub max_component: usize,
}

impl Default for SandboxOptions {
    fn default() -> Self {
        Self {
            compiler: Compiler::default(),
            code_directory: None,
            instances: 64,
            max_memory: 1 << 30,
            max_component: 64 << 20,
        }
    }
}

/// Compiles components and runs their invocations.
pub struct Sandbox {
    /// Of the faster compiler, if code may come from it.
    first: Option<Runtime>,
    best: Runtime,
    engines: SharedEngines,
}

/// A component that is ready to be invoked. Cheap to clone.
#[derive(Clone)]
pub struct StepComponent(Arc<Loaded>);

impl StepComponent {
    /// What it was called when it was loaded.
    pub fn name(&self) -> &str {
        self.0.name()
    }

    pub(crate) fn ready(&self) -> Result<&Ready, CallError> {
        // A step is loaded with code, so this is no limit of anybody's.
        let none = || CallError::Instantiate("the step has no native code".to_owned());
        self.0.ready().ok_or_else(none)
    }
}

/// Files that a step may read: a directory that holds them and nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IncludedFiles {
    /// The directory on the host; the guest sees it as `/`.
    pub directory: PathBuf,
    /// Where the guest sees it as well: where its language says that its source file is.
    pub mount: Option<String>,
}

/// What an invocation may use beside [`Capabilities`].
#[derive(Debug, Clone)]
pub struct Grants {
    /// Environment variables.
    pub environment: Arc<Vec<(String, String)>>,
    /// Hosts for outgoing HTTP.
    pub outgoing_http: OutgoingHttp,
    /// Files to read.
    pub included_files: Option<IncludedFiles>,
    /// Limits.
    pub limits: Arc<Limits>,
}

impl Sandbox {
    /// Starts a runtime.
    ///
    /// # Errors
    /// When the machine cannot reserve the address space that the pool needs.
    pub fn new(options: &SandboxOptions) -> Result<Self, LoadError> {
        allow_open_files();
        let start = |strategy, parallel| {
            Runtime::start(options, strategy, parallel)
                .map_err(|error| LoadError::Runtime(format!("{error:#}")))
        };
        let first = match options.compiler {
            Compiler::Cranelift => None,
            Compiler::WinchFirst => Some(start(Strategy::Winch, true)?),
        };
        // Beside another compiler's code it has time, and one core for it.
        let best = start(Strategy::Cranelift, first.is_none())?;
        Ok(Self { first, best, engines: SharedEngines::default() })
    }

    /// Compiles a component, or takes it from the cache. Blocks; may take seconds.
    ///
    /// # Errors
    /// When it is not a component that implements the world with what this host offers.
    pub fn load(&self, name: &str, wasm: &Wasm) -> Result<StepComponent, LoadError> {
        let runtime = self.first.as_ref().unwrap_or(&self.best);
        let component = runtime.code.component(&runtime.engine, wasm).map_err(|error| {
            LoadError::Compile { name: name.to_owned(), cause: format!("{error:#}") }
        })?;
        let ready = runtime.ready(name, &component, &[])?;
        Ok(StepComponent(Arc::new(Loaded::new(name, None, Some(ready)))))
    }

    /// Loads an engine that steps share; at once if it is loaded already. Blocks; may take seconds.
    ///
    /// # Errors
    /// When its parts cannot be compiled.
    pub fn engine(&self, parts: &EngineParts) -> Result<Arc<SharedEngine>, LoadError> {
        self.engines.load(parts, self.first.as_ref(), &self.best)
    }

    /// Begins to replace engines' native code that came from the faster compiler; returns at once.
    pub fn improve(&self) {
        self.engines.improve(&self.best);
    }

    /// How many components, engines and images had to be compiled since the sandbox was started,
    /// because their native code was not kept.
    pub fn compiled(&self) -> usize {
        self.best.code.compiled()
    }

    /// Whether an engine's native code is kept, so that loading it takes no time.
    pub fn has_engine(&self, parts: &EngineParts) -> bool {
        parts.compiled_by(&self.best)
    }

    /// Loads a step that is an image of an engine's memory: a core module that exports `memory`.
    ///
    /// # Errors
    /// When the image does not fit the engine.
    pub fn load_image(
        &self,
        name: &str,
        engine: &SharedEngine,
        image: &Wasm,
    ) -> Result<StepComponent, LoadError> {
        engine.image(name, image).map(StepComponent)
    }

    /// Reads a step's config with nothing granted but the given environment variables. Returns one
    /// JSON text.
    ///
    /// # Errors
    /// What the guest said, or the limit that it hit.
    pub async fn config(
        &self,
        component: &StepComponent,
        environment: Vec<(String, String)>,
    ) -> Result<String, CallError> {
        let grants = Grants {
            environment: Arc::new(environment),
            outgoing_http: OutgoingHttp::Listed(Vec::new()),
            included_files: None,
            limits: Arc::new(Limits::default()),
        };
        self.run(component, &grants, Arc::new(NoCapabilities), async |store, step| {
            step.call_config(store).await
        })
        .await
    }

    /// Runs a step's handler in a fresh instance.
    ///
    /// # Errors
    /// What the guest said, or the limit that it hit.
    pub async fn invoke(
        &self,
        component: &StepComponent,
        invocation: Invocation,
        flows: Vec<String>,
        grants: &Grants,
        capabilities: Arc<dyn Capabilities>,
    ) -> Result<Option<Response>, CallError> {
        let deadline = SystemTime::now() + grants.limits.wall_clock;
        let expects_response = invocation.trigger.expects_response();
        let invocation = types::Invocation {
            id: invocation.id,
            trace_id: invocation.trace_id.as_str().to_owned(),
            flows,
            attempt: invocation.attempt,
            deadline: unix_millis(deadline),
            trigger: invocation.trigger.into(),
        };
        let response = self
            .run(component, grants, capabilities, async |store, step| {
                step.call_handle(store, &invocation).await
            })
            .await?;
        match response {
            Some(response) => checked(response, &grants.limits).map(Some),
            None if expects_response => Err(CallError::InvalidResponse(
                "there is none, but one must be returned".to_owned(),
            )),
            None => Ok(None),
        }
    }

    /// Makes an instance, calls it within its limits, and throws it away.
    async fn run<T>(
        &self,
        component: &StepComponent,
        grants: &Grants,
        capabilities: Arc<dyn Capabilities>,
        call: impl AsyncFnOnce(&mut Store<Host>, &Step) -> wasmtime::Result<Result<T, types::Failure>>,
    ) -> Result<T, CallError> {
        let ready = component.ready()?;
        let outputs = Outputs::new(&grants.limits, &capabilities);
        let mut store = store(ready, grants, capabilities, &outputs, |_| Ok(()))?;
        within_limits(&mut store, &outputs, async |store| {
            let step = ready.step.instantiate_async(&mut *store).await.map_err(instantiating)?;
            store.data().capabilities.instantiated();
            call(store, &step).await
        })
        .await
    }
}

/// Every loaded step keeps the file open from which its memory is mapped, so the process takes as many
/// open files as it may have.
fn allow_open_files() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, getrlimit, setrlimit};
        let mut limit = getrlimit(Resource::Nofile);
        limit.current = limit.maximum;
        if let Err(error) = setrlimit(Resource::Nofile, limit) {
            tracing::warn!("the limit of open files stays as it is: {error}");
        }
    }
}

/// What an instance writes to its standard output and error.
pub(crate) struct Outputs {
    stdout: GuestOutput,
    stderr: GuestOutput,
}

impl Outputs {
    pub fn new(limits: &Limits, capabilities: &Arc<dyn Capabilities>) -> Self {
        let output = |level| GuestOutput::new(level, limits.output_bytes, Arc::clone(capabilities));
        Self { stdout: output(LogLevel::Info), stderr: output(LogLevel::Error) }
    }
}

/// Marks an error of instantiation.
pub(crate) fn instantiating(error: wasmtime::Error) -> wasmtime::Error {
    error.context(Instantiating)
}

#[derive(Debug)]
struct Instantiating;

impl std::fmt::Display for Instantiating {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("while it was instantiated")
    }
}

/// Runs guest code within the store's limits.
pub(crate) async fn within_limits<T>(
    store: &mut Store<Host>,
    outputs: &Outputs,
    call: impl AsyncFnOnce(&mut Store<Host>) -> wasmtime::Result<Result<T, types::Failure>>,
) -> Result<T, CallError> {
    let limits = Arc::clone(&store.data().limits);
    let used = CpuTime::default();
    // The outer result is the timeout's, the middle one the budget's, the inner one the call's.
    let ended = {
        let store = &mut *store;
        let call = async move { call(store).await };
        timeout(limits.wall_clock, CpuBudget::new(call, limits.cpu, &used)).await
    };
    store.data().capabilities.used_cpu(used.get());
    outputs.stdout.finish();
    outputs.stderr.finish();
    match ended {
        Err(_) => Err(CallError::Timeout(limits.wall_clock)),
        Ok(Err(_)) => Err(CallError::Cpu(limits.cpu)),
        Ok(Ok(Ok(Ok(output)))) => Ok(output),
        // A refused allocation can reach the guest as an exception of its language.
        Ok(Ok(Ok(Err(failure)))) => Err(match store.data().usage.refused {
            Some(limit) => limit_error(limit, &limits),
            None => CallError::Guest(failure.into()),
        }),
        Ok(Ok(Err(_))) if outputs.stderr.stalled() => Err(CallError::Stalled),
        Ok(Ok(Err(error))) => Err(explain(&error, &store.data().usage, &limits)),
    }
}

/// The store of one instance; `set_up` may change what it sees of the world.
pub(crate) fn store(
    ready: &Ready,
    grants: &Grants,
    capabilities: Arc<dyn Capabilities>,
    outputs: &Outputs,
    set_up: impl FnOnce(&mut WasiCtxBuilder) -> Result<(), CallError>,
) -> Result<Store<Host>, CallError> {
    let limits = &grants.limits;
    let mut wasi = WasiCtx::builder();
    wasi.envs(&grants.environment)
        .stdout(outputs.stdout.clone())
        .stderr(outputs.stderr.clone())
        .max_random_size(limits.random_bytes)
        .allow_tcp(false)
        .allow_udp(false)
        .allow_ip_name_lookup(false);
    if let Some(files) = &grants.included_files {
        for mount in std::iter::once("/").chain(files.mount.as_deref()) {
            wasi.preopened_dir(&files.directory, mount, FsPerms::ReadOnly).map_err(|error| {
                CallError::Instantiate(format!("{}: {error}", files.directory.display()))
            })?;
        }
    }
    set_up(&mut wasi)?;
    let mut http = WasiHttpCtx::new();
    http.set_field_size_limit(limits.header_bytes);
    let mut table = ResourceTable::new();
    table.set_max_capacity(limits.handles);
    let mut store = Store::new(
        &ready.engine,
        Host {
            capabilities: Arc::clone(&capabilities),
            limits: Arc::clone(limits),
            usage: Usage::default(),
            wasi: wasi.build(),
            http,
            outgoing: Outgoing {
                policy: grants.outgoing_http.clone(),
                timeout: limits.outgoing_timeout,
                connections: Arc::new(Semaphore::new(limits.outgoing_connections)),
                capabilities,
            },
            table,
        },
    );
    store.limiter(|host| host);
    store.set_hostcall_fuel(limits.host_call_bytes);
    store.set_epoch_deadline(1);
    store.epoch_deadline_async_yield_and_update(1);
    Ok(store)
}

/// The limit or trap behind an error of the runtime.
fn explain(error: &wasmtime::Error, usage: &Usage, limits: &Limits) -> CallError {
    if let Some(limit) = usage.refused {
        return limit_error(limit, limits);
    }
    let cause = format!("{error:#}");
    if cause.contains("hostcall fuel") {
        return CallError::Limit("host_call_bytes");
    }
    if error.is::<wasmtime::PoolConcurrencyLimitError>() {
        return CallError::NoInstance;
    }
    if error.is::<Instantiating>() {
        return CallError::Instantiate(cause);
    }
    match error.downcast_ref::<Trap>() {
        Some(trap) => CallError::Trap(format!("{trap}")),
        None => CallError::Trap(cause),
    }
}

fn limit_error(limit: &'static str, limits: &Limits) -> CallError {
    match limit {
        "memory" => CallError::Memory(limits.memory),
        limit => CallError::Limit(limit),
    }
}

fn checked(response: types::Response, limits: &Limits) -> Result<Response, CallError> {
    if !(200..=599).contains(&response.status) {
        let status = response.status;
        return Err(CallError::InvalidResponse(format!("the status {status} is not 200 to 599")));
    }
    let body = match response.body {
        types::ResponseBody::Empty => ResponseBody::Empty,
        types::ResponseBody::Json(json) => {
            serde_json::from_str::<serde::de::IgnoredAny>(&json).map_err(|error| {
                CallError::InvalidResponse(format!("the body is not valid JSON: {error}"))
            })?;
            ResponseBody::Json(json)
        }
        types::ResponseBody::Text(text) => ResponseBody::Text(text),
        types::ResponseBody::Bytes(bytes) => ResponseBody::Bytes(bytes),
    };
    let bytes = match &body {
        ResponseBody::Empty => 0,
        ResponseBody::Json(text) | ResponseBody::Text(text) => text.len(),
        ResponseBody::Bytes(bytes) => bytes.len(),
    };
    if bytes > limits.response_bytes {
        return Err(CallError::ResponseTooLarge { bytes, limit: limits.response_bytes });
    }
    Ok(Response { status: response.status, headers: response.headers, body })
}

fn unix_millis(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}

impl From<types::Failure> for Failure {
    fn from(failure: types::Failure) -> Self {
        Self {
            name: failure.name,
            message: failure.message,
            stack: failure.stack,
            retryable: failure.retryable,
            retry_after: failure.retry_after.map(Duration::from_millis),
        }
    }
}

impl From<Trigger> for types::Trigger {
    fn from(trigger: Trigger) -> Self {
        match trigger {
            Trigger::Api(request) => Self::Api(types::Request {
                method: request.method,
                path: request.path,
                path_params: request.path_params,
                query_params: request.query_params,
                headers: request.headers,
                raw_body: request.raw_body.into(),
                body: match request.body {
                    RequestBody::Empty => types::Body::Empty,
                    RequestBody::Json => types::Body::Json,
                    RequestBody::Text => types::Body::Text,
                    RequestBody::Bytes => types::Body::Bytes,
                    RequestBody::Form(fields) => types::Body::Form(fields),
                    RequestBody::Multipart(parts) => types::Body::Multipart(
                        parts
                            .into_iter()
                            .map(|part| types::Part {
                                name: part.name,
                                file_name: part.file_name,
                                content_type: part.content_type,
                                data: part.data.into(),
                            })
                            .collect(),
                    ),
                },
            }),
            Trigger::Event(event) => Self::Event(event.into()),
            Trigger::Batch(events) => Self::Batch(events.into_iter().map(Into::into).collect()),
            Trigger::Cron { scheduled_at } => {
                Self::Cron(types::CronTick { scheduled_at: unix_millis(scheduled_at) })
            }
            Trigger::State(change) => Self::State(types::StateChange {
                group_id: change.group_id,
                key: change.key,
                old_value: change.old_value,
                new_value: change.new_value,
            }),
            Trigger::Stream(change) => Self::Stream(types::StreamChange {
                stream_name: change.stream_name,
                group_id: change.group_id,
                id: change.id,
                action: match change.action {
                    StreamAction::Create => types::StreamAction::Create,
                    StreamAction::Update => types::StreamAction::Update,
                    StreamAction::Delete => types::StreamAction::Delete,
                },
                data: change.data,
            }),
            Trigger::Authenticate(request) => Self::Authenticate(types::AuthRequest {
                headers: request.headers,
                url: request.url,
            }),
            Trigger::CanAccess(request) => Self::CanAccess(request.into()),
            Trigger::Join(request) => Self::Join(request.into()),
            Trigger::Leave(request) => Self::Leave(request.into()),
        }
    }
}

impl From<SubscriptionRequest> for types::SubscriptionRequest {
    fn from(request: SubscriptionRequest) -> Self {
        Self {
            stream_name: request.stream_name,
            group_id: request.group_id,
            id: request.id,
            context: request.context,
        }
    }
}

impl From<Event> for types::Event {
    fn from(event: Event) -> Self {
        Self {
            id: event.id,
            topic: event.topic,
            data: event.data,
            message_group_id: event.message_group_id,
            headers: event.headers,
        }
    }
}
