//! Letting an engine evaluate a step, to take the image of its memory.

use std::{path::PathBuf, sync::Arc, time::Duration};

use wasmtime::{
    Store,
    component::{Instance, TypedFunc},
};
use wasmtime_wasi::{
    FsPerms, HostMonotonicClock, HostWallClock, WasiCtxBuilder, random::Deterministic,
};

use crate::{
    CallError, Failure, Grants, Limits, NoCapabilities, OutgoingHttp, Sandbox, StepComponent,
    bindings::Step,
    host::Host,
    sandbox::{Outputs, instantiating, store, within_limits},
};

/// A directory that a step sees, but cannot change, while it is evaluated.
#[derive(Debug, Clone)]
pub struct SeenDirectory {
    /// Where it is on the host.
    pub directory: PathBuf,
    /// Where the guest sees it.
    pub seen_as: String,
}

/// The state of an engine's instance.
#[derive(Debug)]
pub struct Snapshot {
    /// The linear memory.
    pub memory: Vec<u8>,
    /// The values of all mutable globals, eight bytes each. An image holds only memory, so they must
    /// be what they are in an instance without a step.
    pub globals: Vec<u8>,
}

/// An engine's state with a step, and the step's config.
#[derive(Debug)]
pub struct Evaluated {
    /// What the engine says of the evaluation.
    pub report: String,
    /// The state before the config was read.
    pub snapshot: Snapshot,
    /// The config, one JSON text, or why the guest has none.
    pub config: Result<String, Failure>,
}

/// What the guest takes for random: the same directories make the same memory.
const RANDOM: [u8; 16] = *b"motia-reproduces";

/// Clocks that stand still, for the same reason. The time is 2020-01-01.
pub struct StoppedClock;

impl HostWallClock for StoppedClock {
    fn resolution(&self) -> Duration {
        Duration::from_millis(1)
    }

    fn now(&self) -> Duration {
        Duration::from_secs(1_577_836_800)
    }
}

impl HostMonotonicClock for StoppedClock {
    fn resolution(&self) -> u64 {
        1_000_000
    }

    fn now(&self) -> u64 {
        1_000_000_000
    }
}

impl Sandbox {
    /// Lets an engine evaluate a step: calls `config`, which answers with a report, in an instance that
    /// sees `directories`, takes the memory, and calls `config` once more, now for the config itself.
    ///
    /// # Errors
    /// What the guest said, or the limit that it hit.
    pub async fn evaluate(
        &self,
        engine: &StepComponent,
        directories: &[SeenDirectory],
        limits: Limits,
    ) -> Result<Evaluated, CallError> {
        with_instance(engine, directories, limits, async |store, instance| {
            let step = Step::new(&mut *store, &instance)?;
            let report = match step.call_config(&mut *store).await? {
                Ok(report) => report,
                Err(failure) => return Ok(Err(failure)),
            };
            let snapshot = take(store, &instance).await?;
            let config = step.call_config(&mut *store).await?.map_err(Failure::from);
            Ok(Ok(Evaluated { report, snapshot, config }))
        })
        .await
    }

    /// The state of an engine without a step.
    ///
    /// # Errors
    /// When it cannot be instantiated.
    pub async fn snapshot(&self, engine: &StepComponent) -> Result<Snapshot, CallError> {
        with_instance(engine, &[], Limits::default(), async |store, instance| {
            Ok(Ok(take(store, &instance).await?))
        })
        .await
    }
}

async fn with_instance<T>(
    engine: &StepComponent,
    directories: &[SeenDirectory],
    limits: Limits,
    call: impl AsyncFnOnce(
        &mut Store<Host>,
        Instance,
    )
        -> wasmtime::Result<Result<T, crate::bindings::motia::step::types::Failure>>,
) -> Result<T, CallError> {
    let ready = engine.ready()?;
    let grants = Grants {
        environment: Arc::default(),
        outgoing_http: OutgoingHttp::Listed(Vec::new()),
        included_files: None,
        limits: Arc::new(Limits { host_call_bytes: limits.memory, ..limits }),
    };
    let outputs = Outputs::new(&grants.limits, &(Arc::new(NoCapabilities) as _));
    let set_up = |wasi: &mut WasiCtxBuilder| see(wasi, directories);
    let mut store = store(ready, &grants, Arc::new(NoCapabilities), &outputs, set_up)?;
    within_limits(&mut store, &outputs, async |store| {
        let instance = ready.step.instance_pre().instantiate_async(&mut *store).await;
        call(store, instance.map_err(instantiating)?).await
    })
    .await
}

fn see(wasi: &mut WasiCtxBuilder, directories: &[SeenDirectory]) -> Result<(), CallError> {
    wasi.secure_random(Deterministic::new(RANDOM.to_vec()))
        .insecure_random(Deterministic::new(RANDOM.to_vec()))
        .insecure_random_seed(1)
        .wall_clock(StoppedClock)
        .monotonic_clock(StoppedClock);
    for SeenDirectory { directory, seen_as } in directories {
        wasi.preopened_dir(directory, seen_as, FsPerms::ReadOnly)
            .map_err(|error| CallError::Instantiate(format!("{}: {error}", directory.display())))?;
    }
    Ok(())
}

/// Calls the export `snapshot`: the memory, and a page that begins with the globals.
async fn take(store: &mut Store<Host>, instance: &Instance) -> wasmtime::Result<Snapshot> {
    const PAGE: usize = 65_536;
    let snapshot: TypedFunc<(), (Vec<u8>,)> = instance.get_typed_func(&mut *store, "snapshot")?;
    let (mut memory,) = snapshot.call_async(&mut *store, ()).await?;
    let globals = memory.split_off(memory.len().saturating_sub(PAGE));
    Ok(Snapshot { memory, globals })
}
