//! A language's engine, compiled once and shared by all steps that have an image of its memory.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use motia_manifest::Digest;
use wasmtime::{Engine, Module, component::Component};

use crate::{
    LoadError,
    code_cache::Wasm,
    runtime::{EPOCH_TICK, Ready, Runtime},
};

/// What a shared engine is made of.
#[derive(Debug, Clone)]
pub struct EngineParts {
    /// The component. It imports the core module `image`.
    pub component: Wasm,
    /// The core module that it imports as `engine`, if it does.
    pub module: Option<Wasm>,
}

impl EngineParts {
    /// Whether native code of all parts is kept.
    pub(crate) fn compiled_by(&self, runtime: &Runtime) -> bool {
        let mut parts = self.module.iter().chain([&self.component]);
        parts.all(|part| runtime.code.has(&runtime.engine, part))
    }
}

/// A language's engine, ready for images.
pub struct SharedEngine {
    parts: EngineParts,
    /// Made by the faster compiler, while there is nothing better.
    first: Option<Compiled>,
    best: OnceLock<Compiled>,
    /// Whether there is work on something better.
    improving: AtomicBool,
    /// The steps that were loaded before there was something better.
    waiting: Mutex<Vec<Weak<Loaded>>>,
}

/// An engine's core module, to be instantiated with a memory.
pub struct CoreModules {
    /// What compiled the modules.
    pub engine: Engine,
    /// The engine. It imports `memory` from `image`.
    pub module: Module,
    /// It exports `memory`.
    pub image: Module,
    /// How many epochs a second has.
    pub ticks_per_second: u64,
}

struct Compiled {
    runtime: Runtime,
    component: Component,
    module: Option<Module>,
}

/// A component of its own, or an engine with an image.
pub(crate) struct Loaded {
    name: String,
    image: Option<Wasm>,
    first: Option<Ready>,
    best: OnceLock<Ready>,
}

/// The engines of a sandbox, by their component's digest.
#[derive(Default)]
pub(crate) struct SharedEngines(Mutex<HashMap<Digest, Arc<SharedEngine>>>);

impl SharedEngines {
    /// Loads an engine, unless it is loaded already. With two runtimes, code that is not kept comes
    /// from `first`; see `improve`.
    pub fn load(
        &self,
        parts: &EngineParts,
        first: Option<&Runtime>,
        best: &Runtime,
    ) -> Result<Arc<SharedEngine>, LoadError> {
        // Held while it compiles: others want the same engine.
        let mut engines = lock(&self.0);
        if let Some(engine) = engines.get(parts.component.digest()) {
            return Ok(Arc::clone(engine));
        }
        let first = first.filter(|_| !parts.compiled_by(best));
        let engine = Arc::new(SharedEngine {
            parts: parts.clone(),
            first: first.map(|runtime| Compiled::new(runtime, parts)).transpose()?,
            best: OnceLock::new(),
            improving: AtomicBool::new(false),
            waiting: Mutex::default(),
        });
        if engine.first.is_none() {
            let _ = engine.best.set(Compiled::new(best, parts)?);
        }
        engines.insert(parts.component.digest().clone(), Arc::clone(&engine));
        Ok(engine)
    }

    /// Begins to compile, one after the other and behind everything else, what only `first` has compiled.
    pub fn improve(&self, best: &Runtime) {
        let begin = |engine: &&Arc<SharedEngine>| {
            engine.best.get().is_none() && !engine.improving.swap(true, Ordering::Relaxed)
        };
        let engines: Vec<_> = lock(&self.0).values().filter(begin).cloned().collect();
        if engines.is_empty() {
            return;
        }
        let best = best.clone();
        std::thread::spawn(move || {
            be_nice();
            engines.iter().for_each(|engine| engine.improve(&best));
        });
    }
}

/// Lets other threads go first.
fn be_nice() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::setpriority_process(None, 15) {
        tracing::debug!("the compiler runs with ordinary priority: {error}");
    }
}

impl SharedEngine {
    /// What is needed to evaluate steps in the core module that the component imports as `engine`,
    /// beginning with the memory `image`.
    ///
    /// # Errors
    /// When the image cannot be compiled, or the engine has no such module.
    pub fn core_modules(&self, image: &Wasm) -> Result<CoreModules, LoadError> {
        let failed = |cause: String| LoadError::Compile { name: "the engine".to_owned(), cause };
        let compiled = self.current().ok_or_else(|| failed("it is not compiled".to_owned()))?;
        let Runtime { engine, code, .. } = &compiled.runtime;
        let module = compiled.module.clone();
        Ok(CoreModules {
            engine: engine.clone(),
            module: module.ok_or_else(|| failed("it has no core module".to_owned()))?,
            image: code.module(engine, image).map_err(|error| failed(format!("{error:#}")))?,
            ticks_per_second: (Duration::from_secs(1).as_millis() / EPOCH_TICK.as_millis()) as u64,
        })
    }

    fn current(&self) -> Option<&Compiled> {
        self.best.get().or(self.first.as_ref())
    }

    /// Loads an image.
    pub(crate) fn image(&self, name: &str, image: &Wasm) -> Result<Arc<Loaded>, LoadError> {
        let image_of = |compiled: &Compiled| compiled.image(name, image);
        let loaded = match self.best.get() {
            Some(best) => Loaded::new(name, None, Some(image_of(best)?)),
            None => {
                let first = self.first.as_ref().map(image_of).transpose()?;
                Loaded { image: Some(image.clone()), ..Loaded::new(name, first, None) }
            }
        };
        let loaded = Arc::new(loaded);
        if loaded.image.is_some() {
            lock(&self.waiting).push(Arc::downgrade(&loaded));
            // The better code may have come meanwhile.
            self.improve_waiting();
        }
        Ok(loaded)
    }

    /// Compiles with the better compiler, and gives the result to all steps.
    fn improve(&self, runtime: &Runtime) {
        match Compiled::new(runtime, &self.parts) {
            Ok(compiled) => {
                let _ = self.best.set(compiled);
                self.improve_waiting();
                tracing::info!("the engine's better native code is ready");
            }
            Err(error) => tracing::warn!("the engine keeps its first native code: {error}"),
        }
    }

    fn improve_waiting(&self) {
        let Some(best) = self.best.get() else { return };
        for loaded in std::mem::take(&mut *lock(&self.waiting)) {
            let Some(loaded) = loaded.upgrade() else { continue };
            let Some(image) = &loaded.image else { continue };
            match best.image(&loaded.name, image) {
                Ok(ready) => {
                    let _ = loaded.best.set(ready);
                }
                Err(error) => tracing::warn!("a step keeps its first native code: {error}"),
            }
        }
    }
}

impl Compiled {
    fn new(runtime: &Runtime, parts: &EngineParts) -> Result<Self, LoadError> {
        let failed = |error: wasmtime::Error| LoadError::Compile {
            name: format!("the engine {}", parts.component.digest().short()),
            cause: format!("{error:#}"),
        };
        let (engine, code) = (&runtime.engine, &runtime.code);
        let module = parts.module.as_ref().map(|module| code.module(engine, module));
        Ok(Self {
            module: module.transpose().map_err(failed)?,
            component: code.component(engine, &parts.component).map_err(failed)?,
            runtime: runtime.clone(),
        })
    }

    fn image(&self, name: &str, image: &Wasm) -> Result<Ready, LoadError> {
        let image = self.runtime.code.module(&self.runtime.engine, image);
        let image = image.map_err(|error| LoadError::Compile {
            name: name.to_owned(),
            cause: format!("{error:#}"),
        })?;
        let modules: Vec<(&str, &Module)> = self
            .module
            .iter()
            .map(|module| ("engine", module))
            .chain([("image", &image)])
            .collect();
        self.runtime.ready(name, &self.component, &modules)
    }
}

impl Loaded {
    pub fn new(name: &str, first: Option<Ready>, best: Option<Ready>) -> Self {
        let best = best.map_or_else(OnceLock::new, OnceLock::from);
        Self { name: name.to_owned(), image: None, first, best }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// The best there is.
    pub fn ready(&self) -> Option<&Ready> {
        self.best.get().or(self.first.as_ref())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
