//! The user's cache directory, and work that is done once.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

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

/// Does `work` once for a directory: in a partial directory that takes its name only when all is
/// done, so that interrupted work is begun again and never mistaken for finished work. Two processes
/// may do it at the same time; the first to finish wins.
pub fn once<E: From<io::Error>>(
    directory: &Path,
    work: impl FnOnce(&Path) -> Result<(), E>,
) -> Result<(), E> {
    if directory.is_dir() {
        return Ok(());
    }
    let parent = directory.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(parent)?;
    let partial = tempfile::Builder::new().prefix(".partial-").tempdir_in(parent)?;
    work(partial.path())?;
    let partial = partial.keep();
    match fs::rename(&partial, directory) {
        Ok(()) => Ok(()),
        Err(_) if directory.is_dir() => Ok(fs::remove_dir_all(&partial)?),
        Err(error) => Err(error.into()),
    }
}

/// Writes embedded files below a directory.
pub fn extract(files: &include_dir::Dir<'_>, directory: &Path) -> io::Result<()> {
    fs::create_dir_all(directory)?;
    files.extract(directory)
}

/// The paths and contents of embedded files, for a digest; build leftovers are passed over.
pub fn parts<'a>(files: &'a include_dir::Dir<'a>) -> Vec<&'a [u8]> {
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
