//! Evaluates a bundled step in the engine and takes the image of the resulting heap.
//!
//! The engine's core export `componentize.wizer` reads the step from a directory and evaluates it;
//! the memory is the step's image. The same instance is asked for the step's config afterwards. No
//! code of the user ever runs outside of such an instance, which sees nothing but its own source.

use std::{collections::BTreeMap, fs, sync::Arc};

use motia_sandbox::{CoreModules, Sandbox, SharedEngine, StoppedClock, Wasm};
use serde::Deserialize;
use serde_json::Value;
use wasmtime::{Caller, Instance, Linker, Memory, Store, StoreLimits, StoreLimitsBuilder};
use wasmtime_wasi::{
    FsPerms, WasiCtxBuilder,
    p1::{self, WasiP1Ctx},
    p2::pipe::{MemoryInputPipe, MemoryOutputPipe},
    random::Deterministic,
};

use super::{
    defer::{Deferral, Read},
    provision::Provisioned,
};
use crate::{
    BuildError, Progress,
    sharing::{GLOBAL, Image},
};

/// The export that evaluates the step.
pub(super) const INIT: &str = "componentize.wizer";
/// Where the engine finds the step, relative to the directory that it sees.
const ARGUMENTS: &str = "--initializer-script-path /initializer.js --strip-path-prefix / step.js";
/// The line with the glue's report begins so.
const REPORT: &str = "motia-init:";
/// What unknown variables read as while a deferred config is read for the second time.
const PLACEHOLDER: &str = "motia-placeholder-";

/// What evaluation may use: time, memory and output.
const SECONDS: u64 = 20;
const MEMORY: usize = 512 << 20;
const OUTPUT: usize = 4 << 20;

/// What the engine takes for random while it starts: the same sources make the same component. The
/// glue keeps the step itself from seeing it.
const RANDOM: [u8; 16] = *b"motia-reproduces";

/// Evaluates bundles.
pub struct Snapshotter {
    engine: Arc<SharedEngine>,
    initial: Wasm,
    initializer: Vec<u8>,
    environment: BTreeMap<String, String>,
}

/// What became of a bundle.
pub struct Evaluated {
    pub image: Image,
    pub report: Report,
    /// The config; not read when the report has an error.
    pub config: Result<Value, GuestError>,
}

/// The glue's report of the evaluation.
#[derive(Debug, Deserialize)]
pub struct Report {
    pub reads: Vec<Read>,
    pub error: Option<GuestError>,
}

/// An error of the user's code.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct GuestError {
    pub name: String,
    pub message: String,
    pub stack: Option<String>,
}

impl GuestError {
    fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), ..Self::default() }
    }
}

struct Host {
    wasi: WasiP1Ctx,
    limits: StoreLimits,
    /// What `wasi:cli/environment` answers.
    variables: Vec<(&'static str, &'static str)>,
}

impl Snapshotter {
    /// Loads the engine; compiles it the first time.
    pub fn new(
        provisioned: &Provisioned,
        sandbox: &Sandbox,
        progress: &dyn Progress,
    ) -> Result<Self, BuildError> {
        let fresh = provisioned.fresh_engine()?;
        let parts = fresh.parts();
        if !sandbox.has_engine(&parts) {
            progress.begin("setting up JavaScript (once): compiling the engine");
        }
        let failed = |error| BuildError::general(format!("the JavaScript engine: {error}"));
        Ok(Self {
            engine: sandbox.engine(&parts).map_err(failed)?,
            initial: fresh.image(),
            initializer: provisioned.engine_file("initializer.js")?,
            environment: provisioned.engine_environment()?,
        })
    }

    /// Evaluates a bundle, takes the image, and reads the config.
    pub async fn evaluate(&self, code: &str) -> Result<Evaluated, String> {
        let (mut store, instance, report) = self.start(code, Vec::new()).await?;
        let memory = memory_of(instance.get_export(&mut store, "memory"));
        let memory = memory.map_err(|error| error.to_string())?;
        let image = Image::of(memory.data(&store));
        let config = match &report.error {
            Some(error) => Err(error.clone()),
            None => read_config(&mut store, &instance).await,
        };
        Ok(Evaluated { image, report, config })
    }

    /// The config, if need be from a second attempt in which missing variables have a placeholder:
    /// a module that is evaluated late may refuse to start without its variables.
    pub async fn config(
        &self,
        code: &str,
        first: Result<Value, GuestError>,
        deferral: &Deferral,
    ) -> Result<Value, GuestError> {
        let error = match first {
            Err(error) if !deferral.is_none() => error,
            read => return read,
        };
        let variables = vec![("MOTIA_CONFIG_PLACEHOLDERS", "1")];
        let (mut store, instance, _) =
            self.start(code, variables).await.map_err(GuestError::new)?;
        let Ok(config) = read_config(&mut store, &instance).await else { return Err(error) };
        match config.to_string().split_once(PLACEHOLDER) {
            None => Ok(config),
            Some((_, rest)) => {
                let name = |c: &char| c.is_ascii_alphanumeric() || *c == '_';
                let name: String = rest.chars().take_while(name).collect();
                Err(GuestError::new(format!(
                    "`config` depends on the environment variable {name}, which has a value only \
                     when the step runs; write the value into the config"
                )))
            }
        }
    }

    async fn start(
        &self,
        code: &str,
        variables: Vec<(&'static str, &'static str)>,
    ) -> Result<(Store<Host>, Instance, Report), String> {
        let io = |error: std::io::Error| error.to_string();
        let directory = tempfile::tempdir().map_err(io)?;
        fs::write(directory.path().join("step.js"), code).map_err(io)?;
        fs::write(directory.path().join("initializer.js"), &self.initializer).map_err(io)?;
        let stdout = MemoryOutputPipe::new(OUTPUT);
        let stderr = MemoryOutputPipe::new(OUTPUT);
        let mut wasi = WasiCtxBuilder::new();
        for (name, value) in &self.environment {
            wasi.env(name, value);
        }
        wasi.stdin(MemoryInputPipe::new(ARGUMENTS))
            .stdout(stdout.clone())
            .stderr(stderr.clone())
            .secure_random(Deterministic::new(RANDOM.to_vec()))
            .insecure_random(Deterministic::new(RANDOM.to_vec()))
            .insecure_random_seed(1)
            .wall_clock(StoppedClock)
            .monotonic_clock(StoppedClock)
            .preopened_dir(directory.path(), "/", FsPerms::ReadOnly)
            .map_err(|error| format!("{error:#}"))?;
        let limits = StoreLimitsBuilder::new().memory_size(MEMORY).build();
        let modules = self.engine.core_modules(&self.initial).map_err(|error| error.to_string())?;
        let host = Host { wasi: wasi.build_p1(), limits, variables };
        let mut store = Store::new(&modules.engine, host);
        store.limiter(|host| &mut host.limits);
        store.set_epoch_deadline(SECONDS * modules.ticks_per_second);

        let mut globals = Vec::new();
        let started = async {
            let instance = instantiate(&mut store, &modules).await?;
            globals = globals_of(&mut store, &instance);
            for name in ["_initialize", INIT] {
                if let Ok(function) = instance.get_typed_func::<(), ()>(&mut store, name) {
                    function.call_async(&mut store, ()).await?;
                }
            }
            Ok::<_, wasmtime::Error>(instance)
        }
        .await;
        let said = |pipe: MemoryOutputPipe| String::from_utf8_lossy(&pipe.contents()).into_owned();
        let out = said(stdout);
        let instance = started.map_err(|error| match error.downcast_ref::<wasmtime::Trap>() {
            Some(wasmtime::Trap::Interrupt) => {
                format!("the top level of the module did not end within {SECONDS} s")
            }
            _ => format!("the module cannot be evaluated: {}", said(stderr).trim()),
        })?;
        let report = out.lines().rev().find_map(|line| line.strip_prefix(REPORT));
        let report = report.ok_or_else(|| {
            format!("the module ended the process while it was evaluated\n{}", out.trim())
        })?;
        let report = serde_json::from_str(report).map_err(|error| error.to_string())?;
        if globals != globals_of(&mut store, &instance) {
            return Err("the engine changed a global, which an image cannot hold".to_owned());
        }
        Ok((store, instance, report))
    }
}

/// An instance of the engine as it is before anything was evaluated.
async fn instantiate(store: &mut Store<Host>, modules: &CoreModules) -> wasmtime::Result<Instance> {
    let mut linker = Linker::new(&modules.engine);
    p1::add_to_linker_async(&mut linker, |host: &mut Host| &mut host.wasi)?;
    linker.func_wrap_async(
        "wasi:cli/environment@0.2.0",
        "get-environment",
        |caller: Caller<'_, Host>, (answer,): (u32,)| Box::new(get_environment(caller, answer)),
    )?;
    let image = linker.instantiate_async(&mut *store, &modules.image).await?;
    linker.instance(&mut *store, "image", image)?;
    linker.define_unknown_imports_as_traps(&modules.module)?;
    linker.instantiate_async(store, &modules.module).await
}

/// The values of all mutable globals.
fn globals_of(store: &mut Store<Host>, instance: &Instance) -> Vec<u64> {
    let globals: Vec<_> = instance
        .exports(&mut *store)
        .filter(|export| export.name().starts_with(GLOBAL))
        .filter_map(|export| export.into_global())
        .collect();
    let value = |global: wasmtime::Global| match global.get(&mut *store) {
        wasmtime::Val::I32(value) => value as u64,
        wasmtime::Val::I64(value) => value as u64,
        wasmtime::Val::F32(bits) => bits.into(),
        wasmtime::Val::F64(bits) => bits,
        _ => 0,
    };
    globals.into_iter().map(value).collect()
}

/// `get-environment` of `wasi:cli/environment`, in the canonical ABI: a list of pairs of strings,
/// allocated by the guest, its pointer and length written to `answer`.
async fn get_environment(mut caller: Caller<'_, Host>, answer: u32) -> wasmtime::Result<()> {
    let memory = memory_of(caller.get_export("memory"))?;
    let realloc = caller.get_export("cabi_realloc").and_then(|export| export.into_func());
    let realloc = realloc.ok_or_else(|| wasmtime::format_err!("no export cabi_realloc"))?;
    let realloc = realloc.typed::<(u32, u32, u32, u32), u32>(&caller)?;
    let variables = caller.data().variables.clone();
    let mut pairs: Vec<u8> = Vec::new();
    for (name, value) in &variables {
        for text in [name, value] {
            let length = text.len() as u32;
            let at = realloc.call_async(&mut caller, (0, 0, 1, length)).await?;
            memory.write(&mut caller, at as usize, text.as_bytes())?;
            pairs.extend_from_slice(&at.to_le_bytes());
            pairs.extend_from_slice(&length.to_le_bytes());
        }
    }
    let list = realloc.call_async(&mut caller, (0, 0, 4, pairs.len() as u32)).await?;
    memory.write(&mut caller, list as usize, &pairs)?;
    memory.write(&mut caller, answer as usize, &list.to_le_bytes())?;
    memory.write(&mut caller, answer as usize + 4, &(variables.len() as u32).to_le_bytes())?;
    Ok(())
}

fn memory_of(export: Option<wasmtime::Extern>) -> wasmtime::Result<Memory> {
    let memory = export.and_then(|export| export.into_memory());
    memory.ok_or_else(|| wasmtime::format_err!("no export memory"))
}

/// Calls the world's export `config` by its core function: the answer is a pointer to
/// `result<string, failure>` in the canonical ABI.
async fn read_config(store: &mut Store<Host>, instance: &Instance) -> Result<Value, GuestError> {
    let called = async {
        let config = instance.get_typed_func::<(), u32>(&mut *store, "config")?;
        let answer = config.call_async(&mut *store, ()).await?;
        let memory = memory_of(instance.get_export(&mut *store, "memory"))?;
        let answer = Answer { memory: memory.data(&*store), at: answer as usize };
        Ok::<_, wasmtime::Error>(answer.read())
    };
    match called.await {
        Ok(Some(Ok(json))) => {
            serde_json::from_str(&json).map_err(|e| GuestError::new(e.to_string()))
        }
        Ok(Some(Err(failure))) => Err(failure),
        Ok(None) => Err(GuestError::new("the config's answer is out of bounds")),
        Err(error) => Err(GuestError::new(format!("reading the config failed: {error:#}"))),
    }
}

/// A `result<string, failure>` in a guest's memory.
struct Answer<'a> {
    memory: &'a [u8],
    at: usize,
}

impl Answer<'_> {
    fn read(&self) -> Option<Result<String, GuestError>> {
        // The payload is aligned to 8 because a failure has a 64-bit field.
        const PAYLOAD: usize = 8;
        match self.memory.get(self.at)? {
            0 => Some(Ok(self.string(PAYLOAD)?)),
            _ => Some(Err(GuestError {
                name: self.string(PAYLOAD)?,
                message: self.string(PAYLOAD + 8)?,
                stack: match self.memory.get(self.at + PAYLOAD + 16)? {
                    0 => None,
                    _ => Some(self.string(PAYLOAD + 20)?),
                },
            })),
        }
    }

    fn string(&self, offset: usize) -> Option<String> {
        let word = |offset: usize| {
            let bytes = self.memory.get(self.at + offset..self.at + offset + 4)?;
            Some(u32::from_le_bytes(bytes.try_into().ok()?) as usize)
        };
        let (pointer, length) = (word(offset)?, word(offset + 4)?);
        let bytes = self.memory.get(pointer..pointer.checked_add(length)?)?;
        Some(String::from_utf8_lossy(bytes).into_owned())
    }
}
