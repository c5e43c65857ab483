//! A compiler's engine, what is linked in it, and its pool of instances.

use std::time::Duration;

use wasmtime::{
    Config, Engine, Module, Strategy,
    component::{Component, Linker},
};

use crate::{LoadError, SandboxOptions, bindings::StepPre, code_cache::CodeCache, host::Host};

/// Which compiler makes native code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Compiler {
    /// Slow to compile, fast to run.
    #[default]
    Cranelift,
    /// Winch, which compiles eight times faster and runs half as fast; a shared engine's code is
    /// replaced by Cranelift's when that is ready. For `dev`.
    WinchFirst,
}

/// A running guest yields at every tick, so that others run and its budget is looked at.
pub(crate) const EPOCH_TICK: Duration = Duration::from_millis(5);

/// One compiler's engine with the world's imports.
#[derive(Clone)]
pub(crate) struct Runtime {
    pub engine: Engine,
    pub linker: Linker<Host>,
    pub code: CodeCache,
}

/// A component that is ready to be instantiated.
pub(crate) struct Ready {
    pub engine: Engine,
    pub step: StepPre<Host>,
}

impl Runtime {
    pub fn start(
        options: &SandboxOptions,
        strategy: Strategy,
        parallel: bool,
    ) -> wasmtime::Result<Self> {
        let mut config = Config::new();
        config.strategy(strategy);
        config.parallel_compilation(parallel);
        config.wasm_backtrace_max_frames(std::num::NonZeroUsize::new(20));
        config.epoch_interruption(true);
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
        // Whoever waits for an edit does not wait for the disk as well; a host of many steps wants them mapped.
        let writes_behind = options.compiler == Compiler::WinchFirst;
        let code =
            CodeCache::new(options.code_directory.clone(), options.max_component, writes_behind);
        Ok(Self { engine, linker, code })
    }

    /// Links a component; `modules` are the core modules that it imports.
    pub fn ready(
        &self,
        name: &str,
        component: &Component,
        modules: &[(&str, &Module)],
    ) -> Result<Ready, LoadError> {
        let link = || -> wasmtime::Result<Ready> {
            let instance = match modules {
                [] => self.linker.instantiate_pre(component)?,
                modules => {
                    let mut linker = self.linker.clone();
                    for (import, module) in modules {
                        linker.root().module(import, module)?;
                    }
                    linker.instantiate_pre(component)?
                }
            };
            Ok(Ready { engine: self.engine.clone(), step: StepPre::new(instance)? })
        };
        link().map_err(|error| LoadError::World {
            name: name.to_owned(),
            cause: format!("{error:#}"),
        })
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
