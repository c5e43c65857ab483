//! Native code, compiled once and kept.
//!
//! By content digest, in a directory that only this host writes. Code is never accepted from
//! anywhere else, because loading native code is trusting it. Files are mapped, not read: what of a
//! step's image no invocation touches stays on disk.

use std::{
    fmt, fs,
    io::{self, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::SystemTime,
};

use motia_manifest::Digest;
use wasmtime::{Engine, Module, component::Component};

/// WebAssembly by its digest; read only when its native code is not kept.
#[derive(Clone)]
pub struct Wasm {
    digest: Digest,
    read: Arc<dyn Fn() -> io::Result<Vec<u8>> + Send + Sync>,
}

impl Wasm {
    /// What `read` gives has this digest, or was made of what has it.
    pub fn new(
        digest: Digest,
        read: impl Fn() -> io::Result<Vec<u8>> + Send + Sync + 'static,
    ) -> Self {
        Self { digest, read: Arc::new(read) }
    }

    /// How it is told from others.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }
}

impl fmt::Debug for Wasm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Wasm").field(&self.digest).finish()
    }
}

impl From<Vec<u8>> for Wasm {
    fn from(wasm: Vec<u8>) -> Self {
        Self::new(Digest::of(&wasm), move || Ok(wasm.clone()))
    }
}

/// The directory with native code.
#[derive(Debug, Clone)]
pub(crate) struct CodeCache {
    directory: Option<PathBuf>,
    max_bytes: usize,
    /// Whether code is used before it is on disk, in memory of this process.
    writes_behind: bool,
    compiled: Arc<AtomicUsize>,
}

impl CodeCache {
    /// Keeps code in `directory`, or nowhere. Refuses to compile more than `max_bytes` at a time.
    pub fn new(directory: Option<PathBuf>, max_bytes: usize, writes_behind: bool) -> Self {
        Self { directory, max_bytes, writes_behind, compiled: Arc::default() }
    }

    /// How much was not kept and had to be compiled, since the process started.
    pub fn compiled(&self) -> usize {
        self.compiled.load(Ordering::Relaxed)
    }

    /// Whether native code is kept already.
    pub fn has(&self, engine: &Engine, wasm: &Wasm) -> bool {
        self.directory.as_ref().is_some_and(|d| d.join(file_name(engine, wasm)).exists())
    }

    /// Compiles a component, or loads what was compiled before.
    pub fn component(&self, engine: &Engine, wasm: &Wasm) -> wasmtime::Result<Component> {
        // SAFETY: see `kept`.
        let load = |path: &Path| unsafe { Component::deserialize_file(engine, path) };
        self.kept(engine, wasm, load, Component::new, Component::serialize)
    }

    /// Compiles a core module, or loads what was compiled before.
    pub fn module(&self, engine: &Engine, wasm: &Wasm) -> wasmtime::Result<Module> {
        // SAFETY: see `kept`.
        let load = |path: &Path| unsafe { Module::deserialize_file(engine, path) };
        self.kept(engine, wasm, load, Module::new, Module::serialize)
    }

    /// Loads what is kept, or makes and keeps it. What `load` reads was written here, by `store`, in
    /// a directory of this host alone, and its name holds the digest of the source and of
    /// everything that shapes the code: that is what makes loading it sound.
    fn kept<T>(
        &self,
        engine: &Engine,
        wasm: &Wasm,
        load: impl Fn(&Path) -> wasmtime::Result<T>,
        make: impl FnOnce(&Engine, Vec<u8>) -> wasmtime::Result<T>,
        serialize: impl FnOnce(&T) -> wasmtime::Result<Vec<u8>>,
    ) -> wasmtime::Result<T> {
        let path = self.directory.as_ref().map(|d| d.join(file_name(engine, wasm)));
        if let Some(path) = path.as_ref().filter(|path| path.exists()) {
            match load(path) {
                Ok(loaded) => {
                    // What was used last is evicted last; a clock that fails costs only that.
                    let _ = fs::File::open(path).and_then(|f| f.set_modified(SystemTime::now()));
                    return Ok(loaded);
                }
                Err(error) => {
                    tracing::warn!("compiling again, {} is unusable: {error:#}", path.display());
                }
            }
        }
        let source = (wasm.read)()?;
        if source.len() > self.max_bytes {
            let (bytes, limit) = (source.len(), self.max_bytes);
            return Err(wasmtime::format_err!("it has {bytes} bytes; at most {limit} are allowed"));
        }
        let made = make(engine, source)?;
        self.compiled.fetch_add(1, Ordering::Relaxed);
        let Some(path) = path else { return Ok(made) };
        let native = serialize(&made)?;
        if self.writes_behind {
            let cache = self.clone();
            std::thread::spawn(move || cache.write(&path, &native));
            return Ok(made);
        }
        // The file is mapped where it is, instead of a copy in this process's own memory.
        match self.write(&path, &native) {
            true => load(&path).or(Ok(made)),
            false => Ok(made),
        }
    }

    /// Writes native code, and now and then deletes what is too much. Returns whether it is there; what
    /// cannot be kept is compiled again another time.
    fn write(&self, path: &Path, native: &[u8]) -> bool {
        let written = store(path, native);
        if let Err(error) = &written {
            tracing::warn!("compiled code is not kept in {}: {error}", path.display());
        }
        if self.compiled.load(Ordering::Relaxed) % EVICT_EVERY == 1
            && let Err(error) = evict(path.parent().unwrap_or(Path::new(".")), CODE_BYTES)
        {
            tracing::warn!("old native code cannot be deleted: {error}");
        }
        written.is_ok()
    }
}

fn file_name(engine: &Engine, wasm: &Wasm) -> String {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut compatibility = DefaultHasher::new();
    engine.precompile_compatibility_hash().hash(&mut compatibility);
    format!("{}-{:016x}.cwasm", wasm.digest, compatibility.finish())
}

fn store(path: &Path, content: &[u8]) -> io::Result<()> {
    let directory = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(directory)?;
    let mut partial = tempfile::NamedTempFile::new_in(directory)?;
    write_sparse(partial.as_file_mut(), content)?;
    partial.persist(path)?;
    Ok(())
}

/// Writes a file without its pages of zeros, of which an image has many.
fn write_sparse(file: &mut fs::File, content: &[u8]) -> io::Result<()> {
    const PAGE: usize = 4096;
    const ZEROS: [u8; PAGE] = [0; PAGE];
    let pages: Vec<(&[u8], bool)> =
        content.chunks(PAGE).map(|page| (page, page == &ZEROS[..page.len()])).collect();
    let mut start = 0;
    for run in pages.chunk_by(|(_, a), (_, b)| a == b) {
        let end = start + run.iter().map(|(page, _)| page.len()).sum::<usize>();
        match run[0].1 {
            true => {
                file.seek(SeekFrom::Start(end as u64))?;
            }
            false => file.write_all(&content[start..end])?,
        }
        start = end;
    }
    file.set_len(content.len() as u64)
}

/// Native code and images that are kept on disk at most.
const CODE_BYTES: u64 = 8 << 30;

/// How often a process that stores code looks whether there is too much of it.
const EVICT_EVERY: usize = 64;

/// Deletes what was not used for longest until at most `limit` bytes of native code are left. Code
/// that is in use stays in use: it is mapped.
fn evict(directory: &Path, limit: u64) -> io::Result<()> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if entry.path().extension().is_some_and(|extension| extension == "cwasm") {
            // Another process may have deleted it since.
            let Ok(file) = entry.metadata() else { continue };
            files.push((file.modified()?, bytes_on_disk(&file), entry.path()));
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

#[cfg(unix)]
fn bytes_on_disk(file: &fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::blocks(file) * 512
}

#[cfg(not(unix))]
fn bytes_on_disk(file: &fs::Metadata) -> u64 {
    file.len()
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
            fs::write(&path, [1; 4096]).unwrap();
            let file = fs::File::open(&path).unwrap();
            file.set_modified(now - Duration::from_secs(age)).unwrap();
        }
        evict(directory.path(), 8192).unwrap();
        let left = |name: &str| directory.path().join(name).exists();
        assert!(left("new.cwasm") && left("middle.cwasm") && left("other") && !left("old.cwasm"));
    }

    #[test]
    fn a_sparse_file_has_the_same_content() {
        let mut content = vec![0; 5 * 4096 + 7];
        content[2 * 4096] = 1;
        content[5 * 4096] = 2;
        let mut file = tempfile::tempfile().unwrap();
        write_sparse(&mut file, &content).unwrap();
        file.seek(SeekFrom::Start(0)).unwrap();
        let mut found = Vec::new();
        io::Read::read_to_end(&mut file, &mut found).unwrap();
        assert!(found == content);
    }
}
