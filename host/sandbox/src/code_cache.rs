//! Native code, compiled once and kept.
//!
//! Compiling a JavaScript or Python engine takes many seconds, and every step carries one that
//! differs from the others only in its data. So native code is kept at two levels: whole components
//! by content digest, and single functions by Cranelift's own key, which makes the second step of a
//! language cheap. Both live in a directory that only this host writes; code is never accepted from
//! anywhere else, because loading native code is trusting it.

use std::{
    borrow::Cow,
    collections::HashMap,
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use motia_manifest::Digest;
use wasmtime::{CacheStore, Config, Engine, Module, Strategy, component::Component};

/// Which compiler makes native code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Compiler {
    /// Slow to compile, fast to run.
    #[default]
    Cranelift,
    /// Eight times faster to compile, half as fast to run; for `dev`.
    Winch,
}

/// The configuration that every engine of this host shares; a caller adds to it.
pub fn engine_config(compiler: Compiler) -> Config {
    let mut config = Config::new();
    config.strategy(match compiler {
        Compiler::Cranelift => Strategy::Cranelift,
        Compiler::Winch => Strategy::Winch,
    });
    config.wasm_backtrace_max_frames(std::num::NonZeroUsize::new(20));
    config
}

/// The directory with native code, and the functions that are known in this process.
pub struct CodeCache {
    directory: Option<PathBuf>,
    functions: Functions,
}

impl CodeCache {
    /// Keeps code in `directory`, or only in memory.
    pub fn new(directory: Option<PathBuf>) -> Arc<Self> {
        Arc::new(Self {
            functions: Functions::new(directory.as_ref().map(|d| d.join("functions"))),
            directory,
        })
    }

    /// Whether code of a module or component is kept already.
    pub fn has(&self, engine: &Engine, wasm: &[u8]) -> bool {
        self.directory.as_ref().is_some_and(|d| d.join(file_name(engine, wasm)).exists())
    }

    /// Compiles a component, or loads what was compiled before.
    ///
    /// # Errors
    /// When the bytes are not a component that can be compiled.
    pub fn component(&self, engine: &Engine, wasm: &[u8]) -> wasmtime::Result<Component> {
        // SAFETY: see `kept`.
        let load = |path: &Path| unsafe { Component::deserialize_file(engine, path) };
        self.kept(engine, wasm, load, || Component::new(engine, wasm), |made| made.serialize())
    }

    /// Compiles a core module, or loads what was compiled before.
    ///
    /// # Errors
    /// When the bytes are not a module that can be compiled.
    pub fn module(&self, engine: &Engine, wasm: &[u8]) -> wasmtime::Result<Module> {
        // SAFETY: see `kept`.
        let load = |path: &Path| unsafe { Module::deserialize_file(engine, path) };
        self.kept(engine, wasm, load, || Module::new(engine, wasm), |made| made.serialize())
    }

    /// Loads what is kept, or makes and keeps it. What `load` reads was written here, by `store`, in
    /// a directory of this host alone, and its name holds the digest of the source and of
    /// everything that shapes the code: that is what makes loading it sound.
    fn kept<T>(
        &self,
        engine: &Engine,
        wasm: &[u8],
        load: impl FnOnce(&Path) -> wasmtime::Result<T>,
        make: impl FnOnce() -> wasmtime::Result<T>,
        serialize: impl FnOnce(&T) -> wasmtime::Result<Vec<u8>>,
    ) -> wasmtime::Result<T> {
        let Some(path) = self.directory.as_ref().map(|d| d.join(file_name(engine, wasm))) else {
            return make();
        };
        if path.exists() {
            match load(&path) {
                Ok(loaded) => {
                    // What was used last is evicted last; a clock that fails costs only that.
                    let _ = fs::File::open(&path).and_then(|f| f.set_modified(SystemTime::now()));
                    return Ok(loaded);
                }
                Err(error) => {
                    tracing::warn!("compiling again, {} is unusable: {error:#}", path.display());
                }
            }
        }
        let made = make()?;
        let kept = store(&path, &serialize(&made)?)
            .and_then(|()| evict(path.parent().unwrap_or(Path::new(".")), CODE_BYTES));
        if let Err(error) = kept {
            tracing::warn!("compiled code is not kept in {}: {error}", path.display());
        }
        self.functions.save();
        Ok(made)
    }

    /// The store for single functions, for [`Config::enable_incremental_compilation`].
    pub fn functions(self: &Arc<Self>) -> Arc<dyn CacheStore> {
        Arc::new(FunctionStore(Arc::clone(self)))
    }
}

fn file_name(engine: &Engine, wasm: &[u8]) -> String {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut compatibility = DefaultHasher::new();
    engine.precompile_compatibility_hash().hash(&mut compatibility);
    format!("{}-{:016x}.cwasm", Digest::of(wasm), compatibility.finish())
}

fn store(path: &Path, content: &[u8]) -> io::Result<()> {
    let directory = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(directory)?;
    let mut partial = tempfile::NamedTempFile::new_in(directory)?;
    io::Write::write_all(&mut partial, content)?;
    partial.persist(path)?;
    Ok(())
}

/// Native code that is kept on disk at most: a hundred JavaScript steps at 38 MB each.
const CODE_BYTES: u64 = 4 << 30;

/// Deletes what was not used for longest until at most `limit` bytes of native code are left. Code
/// that is in use stays in use: it is mapped.
fn evict(directory: &Path, limit: u64) -> io::Result<()> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if entry.path().extension().is_some_and(|extension| extension == "cwasm") {
            // Another process may have deleted it since.
            let Ok(file) = entry.metadata() else { continue };
            files.push((file.modified()?, file.len(), entry.path()));
        }
    }
    files.sort();
    let mut left: u64 = files.iter().map(|(_, bytes, _)| bytes).sum();
    for (_, bytes, path) in files {
        if left <= limit {
            break;
        }
        left -= bytes;
        let _ = fs::remove_file(path);
    }
    Ok(())
}

/// Functions by Cranelift's key. Files of records are read at the first use and added to after
/// every compilation.
struct Functions {
    directory: Option<PathBuf>,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    loaded: bool,
    by_key: HashMap<Vec<u8>, Arc<[u8]>>,
    unsaved: Vec<Vec<u8>>,
    bytes: usize,
}

/// What is kept at most, in memory and on disk; a JavaScript and a Python engine need a third of it.
const FUNCTIONS_BYTES: usize = 512 << 20;

/// Less than this is not a new language's engine.
const NEW_LANGUAGE_BYTES: usize = 4 << 20;

impl Functions {
    fn new(directory: Option<PathBuf>) -> Self {
        Self { directory, known: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if !known.loaded {
            known.loaded = true;
            for entry in self.directory.iter().flat_map(fs::read_dir).flatten().flatten() {
                if let Ok(content) = fs::read(entry.path()) {
                    known.read(&content);
                }
            }
        }
        known
    }

    /// Writes what is new as one more file.
    fn save(&self) {
        let Some(directory) = &self.directory else { return };
        // Not `lock`, which reads what is kept: nothing is unsaved then, as with Winch.
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let mut content = Vec::new();
        for key in std::mem::take(&mut known.unsaved) {
            if let Some(value) = known.by_key.get(&key) {
                content.extend_from_slice(&(key.len() as u32).to_le_bytes());
                content.extend_from_slice(&(value.len() as u32).to_le_bytes());
                content.extend_from_slice(&key);
                content.extend_from_slice(value);
            }
        }
        drop(known);
        // What one more step of a known language adds is compiled faster than it is read.
        if content.len() < NEW_LANGUAGE_BYTES {
            return;
        }
        if let Err(error) = store(&directory.join(Digest::of(&content).as_str()), &content) {
            tracing::warn!("compiled functions are not kept in {}: {error}", directory.display());
        }
    }
}

impl Known {
    fn read(&mut self, mut content: &[u8]) {
        while let Some((head, rest)) = content.split_first_chunk::<8>() {
            let length = |at: usize| {
                u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]) as usize
            };
            let (key, value) = (length(0), length(4));
            // A file that was cut short: what came before is good.
            if rest.len() < key + value || self.bytes + value > FUNCTIONS_BYTES {
                return;
            }
            self.bytes += value;
            self.by_key.insert(rest[..key].to_vec(), rest[key..key + value].into());
            content = &rest[key + value..];
        }
    }
}

struct FunctionStore(Arc<CodeCache>);

impl std::fmt::Debug for FunctionStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FunctionStore")
    }
}

impl CacheStore for FunctionStore {
    fn get(&self, key: &[u8]) -> Option<Cow<'_, [u8]>> {
        let found = self.0.functions.lock().by_key.get(key).cloned();
        found.map(|value| Cow::Owned(value.to_vec()))
    }

    fn insert(&self, key: &[u8], value: Vec<u8>) -> bool {
        let mut known = self.0.functions.lock();
        if known.bytes + value.len() > FUNCTIONS_BYTES {
            return false;
        }
        known.bytes += value.len();
        known.unsaved.push(key.to_vec());
        known.by_key.insert(key.to_vec(), value.into());
        true
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_was_not_used_for_longest_is_evicted_first() {
        let directory = tempfile::tempdir().unwrap();
        let now = SystemTime::now();
        for (name, age) in
            [("new.cwasm", 0), ("old.cwasm", 20), ("middle.cwasm", 10), ("other", 30)]
        {
            let path = directory.path().join(name);
            fs::write(&path, [0; 100]).unwrap();
            let file = fs::File::open(&path).unwrap();
            file.set_modified(now - Duration::from_secs(age)).unwrap();
        }
        evict(directory.path(), 200).unwrap();
        let left = |name: &str| directory.path().join(name).exists();
        assert!(left("new.cwasm") && left("middle.cwasm") && left("other") && !left("old.cwasm"));
    }

    #[test]
    fn a_file_of_functions_that_was_cut_short_gives_what_is_whole() {
        let mut content = Vec::new();
        for (key, value) in [("a", "one"), ("b", "two")] {
            content.extend_from_slice(&(key.len() as u32).to_le_bytes());
            content.extend_from_slice(&(value.len() as u32).to_le_bytes());
            content.extend_from_slice(key.as_bytes());
            content.extend_from_slice(value.as_bytes());
        }
        let mut known = Known::default();
        known.read(&content[..content.len() - 1]);
        assert_eq!(known.by_key.len(), 1);
        assert_eq!(known.by_key[b"a".as_slice()].as_ref(), b"one");
    }
}
