//! The files: one for each day, named after it.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use jiff::{Timestamp, tz::TimeZone};

use crate::{Millis, StoreError, StoreResult};

const PREFIX: &str = "telemetry-";
/// What files were called by versions that kept only runs.
const OLD_PREFIX: &str = "runs-";
/// The latest time that an id can begin with, in the year 2527.
const LAST_TIME: Millis = (1 << 44) - 1;

/// How the ids of a time begin.
pub(super) fn id_time(time: Millis) -> String {
    format!("{:011x}", time.clamp(0, LAST_TIME))
}

/// The time with which an id begins.
pub(super) fn time_of(id: &str) -> Option<Millis> {
    Millis::from_str_radix(id.get(..11)?, 16).ok()
}

/// The day of a time, as in a file's name.
pub(super) fn day_of(time: Millis) -> String {
    let time = Timestamp::from_millisecond(time.clamp(0, LAST_TIME)).unwrap_or_default();
    time.to_zoned(TimeZone::UTC).strftime("%Y%m%d").to_string()
}

pub(super) fn now() -> Millis {
    Timestamp::now().as_millisecond()
}

/// What a day's file is called.
pub(crate) fn file_name(day: &str) -> String {
    format!("{PREFIX}{day}.db")
}

/// The days that have a file, oldest first.
pub(crate) fn days(directory: &Path) -> BTreeMap<String, PathBuf> {
    let day = |path: &Path| match named(path, PREFIX)? {
        (day, ".db") => Some(day.to_owned()),
        _ => None,
    };
    let paths = paths(directory);
    paths.filter_map(|path| Some((day(&path)?, path))).collect()
}

/// Deletes all files of the days before this one, also damaged and old ones. Returns whether there were any.
pub(super) fn tidy(directory: &Path, kept: &str) -> bool {
    let mut deleted = false;
    for path in paths(directory).filter(|path| day_of_part(path).is_some_and(|day| day < kept)) {
        match fs::remove_file(&path) {
            Ok(()) => deleted = true,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => tracing::warn!("{} is kept: {error}", path.display()),
        }
    }
    deleted
}

/// Gets a file out of the way, with its log, which belongs to no other.
pub(super) fn put_aside(path: &Path, why: &str) -> StoreResult<()> {
    let aside = path.with_extension("db.broken");
    tracing::warn!("{} {why}; it is put aside as {}", path.display(), aside.display());
    for (part, aside) in parts(path).iter().zip(parts(&aside)) {
        // The log of one that was put aside before does not belong to this one.
        let _ = fs::remove_file(&aside);
        match fs::rename(part, aside) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(StoreError::Failed(format!("{}: {error}", part.display())));
            }
            _ => {}
        }
    }
    Ok(())
}

fn paths(directory: &Path) -> impl Iterator<Item = PathBuf> {
    fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path())
}

/// The day in a name that begins so, and what follows it.
fn named<'a>(path: &'a Path, prefix: &str) -> Option<(&'a str, &'a str)> {
    let name = path.file_name()?.to_str()?.strip_prefix(prefix)?;
    let (day, rest) = name.split_at_checked(8)?;
    day.bytes().all(|byte| byte.is_ascii_digit()).then_some((day, rest))
}

/// The day of a file that is a day's, belongs to it, or was put aside.
fn day_of_part(path: &Path) -> Option<&str> {
    let (day, rest) = named(path, PREFIX).or_else(|| named(path, OLD_PREFIX))?;
    let rest = rest.strip_prefix(".db")?;
    let rest = rest.strip_prefix(".broken").unwrap_or(rest);
    matches!(rest, "" | "-wal" | "-shm" | "-journal").then_some(day)
}

/// The files of a database: those that SQLite keeps beside it, and its own.
fn parts(path: &Path) -> [PathBuf; 3] {
    ["-shm", "-wal", ""].map(|suffix| {
        let mut part = path.as_os_str().to_owned();
        part.push(suffix);
        PathBuf::from(part)
    })
}
