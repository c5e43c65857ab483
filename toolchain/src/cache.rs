//! The user's cache directory, and work that is done once.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use include_dir::{Dir, include_dir};

/// The contract that every language's set-up and components depend on.
pub static WIT: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../wit");

/// Where toolchains and native code are kept: `MOTIA_CACHE`, or `motia` in the user's cache directory.
pub fn cache_directory() -> PathBuf {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    if let Some(directory) = variable("MOTIA_CACHE") {
        return directory.into();
    }
    if let Some(directory) = variable("XDG_CACHE_HOME") {
        return Path::new(&directory).join("motia");
    }
    match std::env::home_dir() {
        Some(home) => home.join(".cache/motia"),
        None => std::env::temp_dir().join("motia-cache"),
    }
}

/// Waits until no other process sets up the same thing, and keeps others waiting until the file is
/// dropped.
pub fn lock(cache: &Path, what: &str) -> io::Result<fs::File> {
    fs::create_dir_all(cache)?;
    let file = fs::File::create(cache.join(format!("{what}.lock")))?;
    file.lock()?;
    Ok(file)
}

/// Does `work` once for a directory: in a partial directory that takes its name only when all is
/// done, so that interrupted work is begun again and never mistaken for finished work. Other
/// processes wait for it.
pub fn once<E: From<io::Error>>(
    directory: &Path,
    work: impl FnOnce(&Path) -> Result<(), E>,
) -> Result<(), E> {
    if directory.is_dir() {
        return Ok(());
    }
    let parent = directory.parent().unwrap_or(Path::new("."));
    let name = directory.file_name().unwrap_or_default().to_string_lossy();
    let _lock = lock(parent, &name)?;
    if directory.is_dir() {
        return Ok(());
    }
    let partial = tempfile::Builder::new().prefix(".partial-").tempdir_in(parent)?;
    work(partial.path())?;
    fs::rename(partial.keep(), directory)?;
    Ok(())
}

/// Writes embedded files below a directory.
pub fn extract(files: &Dir<'_>, directory: &Path) -> io::Result<()> {
    fs::create_dir_all(directory)?;
    files.extract(directory)
}

/// The paths and contents of embedded files, for a digest; build leftovers are passed over.
pub fn parts<'a>(files: &'a Dir<'a>) -> Vec<&'a [u8]> {
    let mut parts = Vec::new();
    for entry in files.entries() {
        match entry {
            include_dir::DirEntry::Dir(inner) if inner.path().ends_with("__pycache__") => {}
            include_dir::DirEntry::Dir(inner) => parts.extend(self::parts(inner)),
            include_dir::DirEntry::File(file) => {
                parts.push(file.path().as_os_str().as_encoded_bytes());
                parts.push(file.contents());
            }
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn what_two_want_at_the_same_time_is_done_once() {
        let cache = tempfile::tempdir().unwrap();
        let directory = cache.path().join("thing");
        let done = AtomicUsize::new(0);
        let work = |partial: &Path| -> io::Result<()> {
            done.fetch_add(1, Ordering::SeqCst);
            fs::write(partial.join("file"), "content")
        };
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| once(&directory, work).unwrap());
            }
        });
        assert_eq!(done.load(Ordering::SeqCst), 1);
        assert_eq!(fs::read_to_string(directory.join("file")).unwrap(), "content");
    }

    #[test]
    fn interrupted_work_is_begun_again() {
        let cache = tempfile::tempdir().unwrap();
        let directory = cache.path().join("thing");
        let broken = |_: &Path| Err(io::Error::other("interrupted"));
        assert!(once(&directory, broken).is_err());
        assert!(!directory.exists());
        once(&directory, |partial| fs::write(partial.join("file"), "")).unwrap();
        assert!(directory.join("file").exists());
    }
}
