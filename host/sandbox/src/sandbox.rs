//! Loading components and invoking them.

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use tokio::{sync::Semaphore, time::timeout};
use wasmtime::{
    Engine, Store, Trap,
    component::{Linker, ResourceTable},
};
use wasmtime_wasi::{FsPerms, WasiCtx};
use wasmtime_wasi_http::WasiHttpCtx;

use crate::{
    CallError, Capabilities, Failure, Invocation, Limits, LoadError, LogLevel, NoCapabilities,
    RequestBody, Response, ResponseBody, Trigger,
    bindings::{Step, StepPre, motia::step::types},
    code_cache::{CodeCache, Compiler, engine_config},
    cpu_budget::CpuBudget,
    host::{Host, Usage},
    outgoing_http::{Outgoing, OutgoingHttp},
    output::GuestOutput,
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
    /// The largest component that is compiled. 64 MiB.
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
    engine: Engine,
    linker: Linker<Host>,
    code: Arc<CodeCache>,
    max_component: usize,
}

/// A component that is ready to be invoked. Cheap to clone.
#[derive(Clone)]
pub struct StepComponent {
    name: Arc<str>,
    pre: StepPre<Host>,
}

impl StepComponent {
    /// What it was called when it was loaded.
    pub fn name(&self) -> &str {
        &self.name
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

/// A running guest yields at every tick, so that others run and its budget is looked at.
const EPOCH_TICK: Duration = Duration::from_millis(5);

impl Sandbox {
    /// Starts a runtime.
    ///
    /// # Errors
    /// When the machine cannot reserve the address space that the pool needs.
    pub fn new(options: &SandboxOptions) -> Result<Self, LoadError> {
        Self::start(options).map_err(|error| LoadError::Runtime(format!("{error:#}")))
    }

    fn start(options: &SandboxOptions) -> wasmtime::Result<Self> {
        let code = CodeCache::new(options.code_directory.clone());
        let mut config = engine_config(options.compiler);
        config.epoch_interruption(true);
        if options.compiler == Compiler::Cranelift {
            config.enable_incremental_compilation(code.functions())?;
        }
        // The largest heap image that is mapped copy-on-write; above it images are copied.
        config.memory_guaranteed_dense_image_size(256 << 20);
        config.allocation_strategy(pool(options));
        let engine = Engine::new(&config)?;

        let mut linker = Linker::new(&engine);
        wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
        wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker)?;
        {
            use crate::bindings::motia::step::{emitter, logger, state, streams};
            type Data = wasmtime::component::HasSelf<Host>;
            emitter::add_to_linker::<_, Data>(&mut linker, |host| host)?;
            logger::add_to_linker::<_, Data>(&mut linker, |host| host)?;
            state::add_to_linker::<_, Data>(&mut linker, |host| host)?;
            streams::add_to_linker::<_, Data>(&mut linker, |host| host)?;
        }

        let ticking = engine.weak();
        std::thread::Builder::new().name("motia-epoch".into()).spawn(move || {
            while let Some(engine) = ticking.upgrade() {
                engine.increment_epoch();
                drop(engine);
                std::thread::sleep(EPOCH_TICK);
            }
        })?;
        Ok(Self { engine, linker, code, max_component: options.max_component })
    }

    /// Compiles a component, or takes it from the cache. Blocks; may take seconds.
    ///
    /// # Errors
    /// When the bytes are not a component that implements the world with what this host offers.
    pub fn load(&self, name: &str, wasm: &[u8]) -> Result<StepComponent, LoadError> {
        let name = name.to_owned();
        if wasm.len() > self.max_component {
            return Err(LoadError::TooLarge { name, bytes: wasm.len(), limit: self.max_component });
        }
        let component = match self.code.component(&self.engine, wasm) {
            Ok(component) => component,
            Err(error) => return Err(LoadError::Compile { name, cause: format!("{error:#}") }),
        };
        match self.linker.instantiate_pre(&component).and_then(StepPre::new) {
            Ok(pre) => Ok(StepComponent { name: name.into(), pre }),
            Err(error) => Err(LoadError::World { name, cause: format!("{error:#}") }),
        }
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
        let expects_response = matches!(invocation.trigger, Trigger::Api(_));
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
            None if expects_response => {
                Err(CallError::InvalidResponse("an api step must return a response".to_owned()))
            }
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
        let limits = &grants.limits;
        let stdout =
            GuestOutput::new(LogLevel::Info, limits.output_bytes, Arc::clone(&capabilities));
        let stderr =
            GuestOutput::new(LogLevel::Error, limits.output_bytes, Arc::clone(&capabilities));
        let mut store = self.store(grants, capabilities, &stdout, &stderr)?;

        // The outer result is the timeout's, the middle one the budget's, the inner one the call's.
        let ended = {
            let store = &mut store;
            let call = async move {
                let step = match component.pre.instantiate_async(&mut *store).await {
                    Ok(step) => step,
                    Err(error) => return Err((true, error)),
                };
                call(store, &step).await.map_err(|error| (false, error))
            };
            timeout(limits.wall_clock, CpuBudget::new(call, limits.cpu)).await
        };
        stdout.finish();
        stderr.finish();
        match ended {
            Err(_) => Err(CallError::Timeout(limits.wall_clock)),
            Ok(Err(_)) => Err(CallError::Cpu(limits.cpu)),
            Ok(Ok(Ok(Ok(output)))) => Ok(output),
            // A refused allocation can reach the guest as an exception of its language.
            Ok(Ok(Ok(Err(failure)))) => Err(match store.data().usage.refused {
                Some(limit) => limit_error(limit, limits),
                None => CallError::Guest(failure.into()),
            }),
            Ok(Ok(Err(_))) if stderr.stalled() => Err(CallError::Stalled),
            Ok(Ok(Err((instantiating, error)))) => {
                Err(explain(&error, instantiating, &store.data().usage, limits))
            }
        }
    }

    fn store(
        &self,
        grants: &Grants,
        capabilities: Arc<dyn Capabilities>,
        stdout: &GuestOutput,
        stderr: &GuestOutput,
    ) -> Result<Store<Host>, CallError> {
        let limits = &grants.limits;
        let mut wasi = WasiCtx::builder();
        wasi.envs(&grants.environment)
            .stdout(stdout.clone())
            .stderr(stderr.clone())
            .max_random_size(limits.random_bytes)
            .allow_tcp(false)
            .allow_udp(false)
            .allow_ip_name_lookup(false);
        if let Some(files) = &grants.included_files {
            for mount in std::iter::once("/").chain(files.mount.as_deref()) {
                wasi.preopened_dir(&files.directory, mount, FsPerms::ReadOnly).map_err(
                    |error| {
                        CallError::Instantiate(format!("{}: {error}", files.directory.display()))
                    },
                )?;
            }
        }
        let mut http = WasiHttpCtx::new();
        http.set_field_size_limit(limits.header_bytes);
        let mut table = ResourceTable::new();
        table.set_max_capacity(limits.handles);
        let mut store = Store::new(
            &self.engine,
            Host {
                capabilities,
                limits: Arc::clone(limits),
                usage: Usage::default(),
                wasi: wasi.build(),
                http,
                outgoing: Outgoing {
                    policy: grants.outgoing_http.clone(),
                    timeout: limits.outgoing_timeout,
                    connections: Arc::new(Semaphore::new(limits.outgoing_connections)),
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
}

fn pool(options: &SandboxOptions) -> wasmtime::PoolingAllocationConfig {
    let instances = options.instances;
    let mut pool = wasmtime::PoolingAllocationConfig::new();
    // A Python component has 38 core instances, and a JavaScript one 5.
    pool.total_component_instances(instances)
        .total_core_instances(instances * 50)
        .total_memories(instances * 4)
        .total_tables(instances * 8)
        .total_stacks(instances)
        .max_core_instances_per_component(200)
        .max_memories_per_component(32)
        .max_tables_per_component(64)
        .max_memories_per_module(4)
        .max_tables_per_module(16)
        .max_component_instance_size(16 << 20)
        .max_core_instance_size(16 << 20)
        .table_elements(200_000)
        .max_memory_size(options.max_memory)
        .linear_memory_keep_resident(64 << 20)
        .table_keep_resident(1 << 20);
    // A page that was swapped out would keep its content for the next instance: only without swap.
    if swap_is_off() {
        pool.pagemap_scan(wasmtime::Enabled::Auto);
    } else {
        tracing::info!("swap is on, so instance memory is reset without PAGEMAP_SCAN");
    }
    pool
}

fn swap_is_off() -> bool {
    std::fs::read_to_string("/proc/swaps").is_ok_and(|swaps| swaps.lines().count() <= 1)
}

/// The limit or trap behind an error of the runtime.
fn explain(
    error: &wasmtime::Error,
    instantiating: bool,
    usage: &Usage,
    limits: &Limits,
) -> CallError {
    if let Some(limit) = usage.refused {
        return limit_error(limit, limits);
    }
    let cause = format!("{error:#}");
    if cause.contains("hostcall fuel") {
        return CallError::Limit("host_call_bytes");
    }
    if instantiating {
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
            Trigger::Event { topic, data, message_group_id } => {
                Self::Event(types::Event { topic, data, message_group_id })
            }
            Trigger::Cron { scheduled_at } => {
                Self::Cron(types::CronTick { scheduled_at: unix_millis(scheduled_at) })
            }
        }
    }
}
