//! Copies of a data directory: taken while a host uses it, and put back.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use serde::{Deserialize, Serialize};

use super::{FILE, lock, schema};
use crate::{Millis, StoreError, StoreResult, telemetry::files as telemetry};

/// What a backup says about itself.
const LABEL: &str = "backup.json";

/// What a database's files are called behind its name: those that SQLite keeps beside it, and its own.
const PARTS: [&str; 4] = ["-shm", "-wal", "-journal", ""];

/// A backup of a data directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Backup {
    /// When it was taken.
    pub taken_at: Millis,
    /// The version of motia that took it.
    pub motia: String,
    /// The version of the database's schema.
    pub schema: i64,
    /// The bytes of its files.
    pub bytes: u64,
    /// The days whose runs and logs it has.
    pub runs: Vec<String>,
    /// What is missing of the runs, and why.
    pub warnings: Vec<String>,
}

/// What becomes of a database that is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replace {
    /// It is in the way.
    No,
    /// Its files are kept in a directory beside the new ones.
    KeepOld,
}

/// Copies a data directory to a new directory, also while a host uses it: everything that was acknowledged
/// before the call is in the copy, and every commit is in it as a whole or not at all.
///
/// # Errors
/// When `to` is there already and not empty, or something cannot be read or written; `to` is not there then.
pub fn backup(data: &Path, to: &Path) -> StoreResult<Backup> {
    let database = data.join(FILE);
    if !database.is_file() {
        return Err(StoreError::NotFound(format!("{} to back up", database.display())));
    }
    if !is_free(to) {
        return Err(failed(to, "is not empty; name a directory that is not there yet"));
    }
    let making = beside(to, "making");
    clear(&making)?;
    fs::create_dir_all(&making).map_err(|error| failed(&making, error))?;
    let made = copy_all(data, &making).and_then(|backup| {
        // An empty directory that was there is replaced by the rename.
        fs::rename(&making, to).map_err(|error| failed(to, error))?;
        sync_directory(to.parent().unwrap_or(Path::new(".")))?;
        Ok(backup)
    });
    if made.is_err() {
        // Why there is no backup is what matters.
        let _ = clear(&making);
    }
    made
}

/// Whether a backup can get this name: nothing or an empty directory has it.
fn is_free(to: &Path) -> bool {
    let free = match fs::read_dir(to) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    };
    free && to.file_name().is_some()
}

fn copy_all(data: &Path, to: &Path) -> StoreResult<Backup> {
    let copy = to.join(FILE);
    vacuum_into(&data.join(FILE), &copy)?;
    let schema = check(&copy)?;
    let mut backup = Backup {
        taken_at: Timestamp::now().as_millisecond(),
        motia: env!("CARGO_PKG_VERSION").to_owned(),
        schema,
        bytes: sync(&copy)?,
        runs: Vec::new(),
        warnings: Vec::new(),
    };
    for (day, path) in telemetry::days(data) {
        let copy = to.join(path.file_name().unwrap_or_default());
        match vacuum_into(&path, &copy).and_then(|()| sync(&copy)) {
            Ok(bytes) => {
                backup.bytes += bytes;
                backup.runs.push(day);
            }
            // Runs are for people; the backup is of the work.
            Err(error) => {
                backup.warnings.push(format!("the runs of {day} are not in the backup: {error}"));
                let _ = fs::remove_file(&copy);
            }
        }
    }
    let label = serde_json::to_vec_pretty(&backup).map_err(|error| failed(to, error))?;
    fs::write(to.join(LABEL), label).map_err(|error| failed(to, error))?;
    sync(&to.join(LABEL))?;
    sync_directory(to)?;
    Ok(backup)
}

/// Puts a backup where a host finds it. A crash on the way leaves the old database or the new; if the old one is
/// damaged, perhaps neither, and its files are in `before-restore-...`.
///
/// # Errors
/// When the backup is damaged, a host or another program uses the directory, or it has data and `replace` is
/// [`Replace::No`].
pub fn restore(from: &Path, data: &Path, replace: Replace) -> StoreResult<Backup> {
    let label = from.join(LABEL);
    let label = fs::read(&label)
        .map_err(|_| StoreError::NotFound(format!("{}: not a backup", label.display())))?;
    let backup: Backup = serde_json::from_slice(&label).map_err(|error| failed(from, error))?;
    if check(&from.join(FILE))? != backup.schema {
        return Err(failed(from, "is damaged: its database is not the one that was backed up"));
    }
    fs::create_dir_all(data).map_err(|error| failed(data, error))?;
    let _lock = lock(data)?;
    let in_the_way = has_data(data);
    if in_the_way && replace == Replace::No {
        let message = "has data already; restore into another directory, or with --keep-old";
        return Err(failed(data, message));
    }
    let files: Vec<Restored> = files_of(from, &backup)
        .into_iter()
        .map(|name| Restored {
            source: from.join(&name),
            making: data.join(format!("{name}.restoring")),
            file: data.join(name),
        })
        .collect();
    let made = files.iter().try_for_each(Restored::copy);
    let made = made.and_then(|()| if in_the_way { put_aside(data) } else { Ok(()) });
    if let Err(error) = made {
        for file in &files {
            // It may not be there yet.
            let _ = fs::remove_file(&file.making);
        }
        return Err(error);
    }
    // The database comes last: with it, the directory is the new one.
    for Restored { making, file, .. } in files.iter().rev() {
        fs::rename(making, file).map_err(|error| failed(file, error))?;
    }
    sync_directory(data)?;
    Ok(backup)
}

/// A file of a backup on its way into a data directory.
struct Restored {
    source: PathBuf,
    making: PathBuf,
    file: PathBuf,
}

impl Restored {
    /// Brings it to the disk under another name. It gets the mode of a new file: the backup may be read-only.
    fn copy(&self) -> StoreResult<()> {
        let made = File::open(&self.source).and_then(|mut source| {
            let mut making = File::create(&self.making)?;
            io::copy(&mut source, &mut making)?;
            making.sync_all()
        });
        made.map_err(|error| failed(&self.making, error))
    }
}

/// Whether a directory has a database or runs, or the log of a database, which would be taken for the new one's.
fn has_data(data: &Path) -> bool {
    let database = PARTS.iter().any(|suffix| data.join(format!("{FILE}{suffix}")).exists());
    database || !telemetry::days(data).is_empty()
}

/// Makes a database's file alone the database, without a log. Returns whether that could be done: not if it is
/// damaged.
fn fold_log(database: &Path) -> StoreResult<bool> {
    let fold = || -> rusqlite::Result<String> {
        let connection = Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        connection.busy_timeout(schema::BUSY_TIMEOUT)?;
        // Fails while others have it open. They would go on with a log of this name, and it is the new one's by then.
        connection.query_row("PRAGMA journal_mode = DELETE", (), |row| row.get(0))
    };
    match fold() {
        Ok(mode) => Ok(mode == "delete"),
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => {
            Err(failed(database, "is open in another program; end that first"))
        }
        Err(_) => Ok(false),
    }
}

/// The files of a backup, the database first.
fn files_of(from: &Path, backup: &Backup) -> Vec<String> {
    let runs = backup.runs.iter().map(|day| telemetry::file_name(day));
    let there = runs.filter(|name| from.join(name).is_file());
    std::iter::once(FILE.to_owned()).chain(there).collect()
}

/// Gives a directory's database a second name beside the new one, which then takes its first, and moves its runs
/// away. A damaged database cannot be one file without its log; it is moved with it.
fn put_aside(data: &Path) -> StoreResult<()> {
    let database = data.join(FILE);
    let folded = fold_log(&database)?;
    let aside = data.join(format!("before-restore-{}", Timestamp::now().as_millisecond()));
    fs::create_dir(&aside).map_err(|error| failed(&aside, error))?;
    if !(folded && fs::hard_link(&database, aside.join(FILE)).is_ok()) {
        move_database(data, &aside, FILE)?;
    }
    for day in telemetry::days(data).into_keys() {
        move_database(data, &aside, &telemetry::file_name(&day))?;
    }
    sync_directory(&aside)?;
    sync_directory(data)
}

/// Moves a database with its log, that first: a database without it is only older.
fn move_database(from: &Path, to: &Path, name: &str) -> StoreResult<()> {
    for suffix in PARTS {
        let part = format!("{name}{suffix}");
        match fs::rename(from.join(&part), to.join(&part)) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(failed(&from.join(part), error)),
        }
    }
    Ok(())
}

/// A copy of a database as it is at one moment, without what it no longer uses.
fn vacuum_into(database: &Path, copy: &Path) -> StoreResult<()> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection =
        Connection::open_with_flags(database, flags).map_err(|error| failed(database, error))?;
    connection.busy_timeout(schema::BUSY_TIMEOUT)?;
    let name = copy.to_str().ok_or_else(|| failed(copy, "the path is not UTF-8"))?;
    connection.execute("VACUUM INTO ?1", (name,)).map_err(|error| failed(database, error))?;
    Ok(())
}

/// The schema of a database that is ours and whole.
fn check(database: &Path) -> StoreResult<i64> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection =
        Connection::open_with_flags(database, flags).map_err(|error| failed(database, error))?;
    let version = schema::version(&connection, database)?;
    if version == 0 {
        return Err(failed(database, "is damaged: it is empty"));
    }
    let found: String = connection
        .query_row("PRAGMA integrity_check(1)", (), |row| row.get(0))
        .map_err(|error| failed(database, error))?;
    if found != "ok" {
        return Err(failed(database, format!("is damaged: {found}")));
    }
    i64::try_from(version).map_err(|error| failed(database, error))
}

/// Brings a file to the disk; its bytes.
fn sync(path: &Path) -> StoreResult<u64> {
    let synced = File::open(path).and_then(|file| {
        file.sync_all()?;
        Ok(file.metadata()?.len())
    });
    synced.map_err(|error| failed(path, error))
}

fn sync_directory(path: &Path) -> StoreResult<()> {
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    #[cfg(unix)]
    sync(path)?;
    Ok(())
}

/// Removes what a backup that was interrupted has left.
fn clear(directory: &Path) -> StoreResult<()> {
    match fs::remove_dir_all(directory) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(directory, error)),
        _ => Ok(()),
    }
}

fn beside(path: &Path, what: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".");
    name.push(what);
    path.with_file_name(name)
}

fn failed(path: &Path, error: impl std::fmt::Display) -> StoreError {
    StoreError::Failed(format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use motia_manifest::TenantId;

    use super::*;
    use crate::{GroupKey, SqliteStore, Store};

    fn group() -> GroupKey {
        GroupKey { tenant: TenantId::default(), stream: None, group: "g".to_owned() }
    }

    async fn set(store: &SqliteStore, key: &str) {
        store.state_set(group(), key.to_owned(), "1".to_owned(), None, 0).await.unwrap();
        store.barrier(store.epoch()).await.unwrap();
    }

    async fn keys(data: &Path) -> Vec<String> {
        let store = SqliteStore::open(data).unwrap();
        let entries = store.state_group(group(), usize::MAX).await.unwrap();
        entries.into_iter().map(|entry| entry.key).collect()
    }

    #[tokio::test]
    async fn a_backup_of_a_store_in_use_has_all_that_was_acknowledged() {
        let dir = tempfile::tempdir().unwrap();
        let (data, copy) = (dir.path().join("data"), dir.path().join("copy"));
        let store = SqliteStore::open(&data).unwrap();
        set(&store, "before").await;
        let taken = backup(&data, &copy).unwrap();
        set(&store, "after").await;
        assert!(taken.bytes > 0 && taken.warnings.is_empty(), "{taken:?}");
        let error = restore(&copy, &data, Replace::KeepOld).unwrap_err();
        assert!(matches!(error, StoreError::InUse(_)), "{error}");
        drop(store);

        let other = dir.path().join("other");
        restore(&copy, &other, Replace::No).unwrap();
        assert_eq!(keys(&other).await, ["before"]);
        let error = restore(&copy, &data, Replace::No).unwrap_err().to_string();
        assert!(error.contains("--keep-old"), "{error}");
        restore(&copy, &data, Replace::KeepOld).unwrap();
        assert_eq!(keys(&data).await, ["before"]);
        let kept = fs::read_dir(&data).unwrap().flatten();
        let kept = kept.map(|entry| entry.path()).find(|path| path.is_dir()).unwrap();
        assert_eq!(keys(&kept).await, ["after", "before"]);
    }

    #[tokio::test]
    async fn a_backup_has_a_beginning_of_what_is_written_meanwhile() {
        let dir = tempfile::tempdir().unwrap();
        let (data, copy) = (dir.path().join("data"), dir.path().join("copy"));
        let store = SqliteStore::open(&data).unwrap();
        set(&store, "0000").await;
        let key = |number: usize| format!("{number:04}");
        // Not awaited: the store's thread writes them while the backup is taken.
        for number in 1..5000 {
            drop(store.state_set(group(), key(number), "1".to_owned(), None, 0));
        }
        backup(&data, &copy).unwrap();
        drop(store);
        let other = dir.path().join("other");
        restore(&copy, &other, Replace::No).unwrap();
        let keys = keys(&other).await;
        assert!(!keys.is_empty());
        assert_eq!(keys, (0..keys.len()).map(key).collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn a_restore_takes_no_log_for_its_own() {
        let dir = tempfile::tempdir().unwrap();
        let (data, copy) = (dir.path().join("data"), dir.path().join("copy"));
        let store = SqliteStore::open(&data).unwrap();
        set(&store, "before").await;
        backup(&data, &copy).unwrap();
        set(&store, "after").await;
        let reader = Connection::open(data.join(FILE)).unwrap();
        reader.query_row("SELECT count(*) FROM state", (), |row| row.get::<_, i64>(0)).unwrap();
        drop(store);
        let error = restore(&copy, &data, Replace::KeepOld).unwrap_err().to_string();
        assert!(error.contains("another program"), "{error}");
        drop(reader);
        assert_eq!(keys(&data).await, ["after", "before"]);

        // Its log alone would be taken for the new database's.
        fs::remove_file(data.join(FILE)).unwrap();
        fs::write(data.join(format!("{FILE}-wal")), "a log").unwrap();
        let error = restore(&copy, &data, Replace::No).unwrap_err().to_string();
        assert!(error.contains("--keep-old"), "{error}");
        restore(&copy, &data, Replace::KeepOld).unwrap();
        assert_eq!(keys(&data).await, ["before"]);
    }

    #[test]
    fn runs_are_those_of_the_backup_and_can_be_written() {
        let dir = tempfile::tempdir().unwrap();
        let (data, copy) = (dir.path().join("data"), dir.path().join("copy"));
        let runs = |day: &str| {
            let connection = Connection::open(data.join(telemetry::file_name(day))).unwrap();
            connection.execute_batch("CREATE TABLE run (id TEXT)").unwrap();
        };
        drop(SqliteStore::open(&data).unwrap());
        runs("20300101");
        assert_eq!(backup(&data, &copy).unwrap().runs, ["20300101"]);
        runs("20300102");
        for name in [FILE, "telemetry-20300101.db"] {
            let mut permissions = fs::metadata(copy.join(name)).unwrap().permissions();
            permissions.set_readonly(true);
            fs::set_permissions(copy.join(name), permissions).unwrap();
        }
        restore(&copy, &data, Replace::KeepOld).unwrap();
        assert!(telemetry::days(&data).into_keys().eq(["20300101"]));
        assert!(!fs::metadata(data.join(FILE)).unwrap().permissions().readonly());
        let kept = fs::read_dir(&data).unwrap().flatten();
        let kept = kept.map(|entry| entry.path()).find(|path| path.is_dir()).unwrap();
        assert!(telemetry::days(&kept).into_keys().eq(["20300101", "20300102"]));
    }

    #[tokio::test]
    async fn a_damaged_backup_is_refused_and_changes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let (data, copy) = (dir.path().join("data"), dir.path().join("copy"));
        let store = SqliteStore::open(&data).unwrap();
        for number in 0..500 {
            set(&store, &format!("key {number}")).await;
        }
        drop(store);
        backup(&data, &copy).unwrap();
        let error = backup(&data, &copy).unwrap_err().to_string();
        assert!(error.contains("not empty"), "{error}");
        let mut bytes = fs::read(copy.join(FILE)).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle..middle + 4096].fill(0x55);
        fs::write(copy.join(FILE), bytes).unwrap();
        assert!(restore(&copy, &data, Replace::KeepOld).is_err());
        // What a copy to a full disk leaves.
        fs::write(copy.join(FILE), "").unwrap();
        assert!(restore(&copy, &data, Replace::KeepOld).is_err());
        assert_eq!(keys(&data).await.len(), 500);
    }
}
