//! The user's cache directory, what a release carries instead, and work that is done once.

use std::{
    ffi::OsString,
    fs, io,
    path::{Path, PathBuf},
};

use include_dir::{Dir, include_dir};
use walkdir::WalkDir;

/// The contract that every language's set-up and components depend on.
pub static WIT: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../wit");

/// Where toolchains and native code are kept: `MOTIA_CACHE`, or `motia` in the user's cache directory.
pub fn cache_directory() -> PathBuf {
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

fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

/// The directory in which a release carries all of these, if it does: `MOTIA_TOOLCHAINS`, or
/// `../lib/motia` beside the program's directory. Names are those of the cache; nothing is ever
/// written there.
pub fn carried(names: &[&str]) -> Option<PathBuf> {
    let program = std::env::current_exe().and_then(fs::canonicalize).ok();
    let beside = program.and_then(|program| Some(program.parent()?.parent()?.join("lib/motia")));
    first_with(variable("MOTIA_TOOLCHAINS").map(PathBuf::from).into_iter().chain(beside), names)
}

fn first_with(directories: impl Iterator<Item = PathBuf>, names: &[&str]) -> Option<PathBuf> {
    // esbuild tells real paths, which have to begin like this one.
    let mut real = directories.filter_map(|directory| fs::canonicalize(directory).ok());
    real.find(|directory| names.iter().all(|name| directory.join(name).is_dir()))
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

/// Copies the files below a directory, all but locks; returns their size.
pub fn copy(from: &Path, to: &Path) -> io::Result<u64> {
    let mut bytes = 0;
    for entry in WalkDir::new(from) {
        let entry = entry?;
        let path = entry.path();
        let lock = path.extension().is_some_and(|extension| extension == "lock");
        if entry.file_type().is_file() && !lock {
            bytes += copy_file(path, &to.join(path.strip_prefix(from).unwrap_or(path)))?;
        }
    }
    Ok(bytes)
}

/// Copies a file, which everybody may read then; returns its size.
pub fn copy_file(from: &Path, to: &Path) -> io::Result<u64> {
    let copied = || {
        fs::create_dir_all(to.parent().unwrap_or(Path::new(".")))?;
        let bytes = fs::copy(from, to)?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = fs::metadata(to)?.permissions().mode();
            fs::set_permissions(to, fs::Permissions::from_mode(mode | 0o444))?;
        }
        io::Result::Ok(bytes)
    };
    copied().map_err(|error| {
        io::Error::other(format!("copying {} to {}: {error}", from.display(), to.display()))
    })
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
    fn a_release_counts_only_if_it_carries_everything() {
        let releases = tempfile::tempdir().unwrap();
        let [part, all] = ["part", "all"].map(|name| releases.path().join(name));
        for directory in [part.join("toolchain"), all.join("toolchain"), all.join("glue/engine")] {
            fs::create_dir_all(directory).unwrap();
        }
        let names = ["toolchain", "glue/engine"];
        let found = first_with([part.clone(), all.clone()].into_iter(), &names);
        assert_eq!(found, Some(fs::canonicalize(all).unwrap()));
        assert_eq!(first_with([part].into_iter(), &names), None);
    }

    #[test]
    fn a_copy_has_all_files_but_locks() {
        let scratch = tempfile::tempdir().unwrap();
        let [from, to] = ["from", "to"].map(|name| scratch.path().join(name));
        fs::create_dir_all(from.join("inner")).unwrap();
        fs::write(from.join("inner/file"), "content").unwrap();
        fs::write(from.join("inner.lock"), "").unwrap();
        assert_eq!(copy(&from, &to).unwrap(), 7);
        assert_eq!(fs::read_to_string(to.join("inner/file")).unwrap(), "content");
        assert!(!to.join("inner.lock").exists());
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
