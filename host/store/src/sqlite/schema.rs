//! The database file: whose it is, its settings and its tables.

use std::{path::Path, time::Duration};

use rusqlite::{Connection, ErrorCode, OpenFlags};

use crate::{StoreError, StoreResult};

/// Says `moti` in the file's header, so that `file` and other programs know whose it is.
const APPLICATION_ID: i64 = 0x6d6f_7469;

/// What makes version n+1 out of version n; 0 is an empty file. A released one never changes.
const MIGRATIONS: &[&str] = &[
    include_str!("migrations/0001.sql"),
    include_str!("migrations/0002.sql"),
    include_str!("migrations/0003.sql"),
];

/// How long to wait for somebody who looks into the file with `sqlite3`. Another host cannot have it.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// More statements than this crate has: none is compiled twice.
const CACHED_STATEMENTS: usize = 256;

/// - `FULL`: a commit is on disk when it returns; with `NORMAL` a power cut takes the last ones back.
/// - `fullfsync`: on macOS nothing else reaches the disk. Elsewhere it does nothing.
/// - `journal_size_limit`: gives back the disk space of a log that a burst made long, 64 MiB.
/// - `cache_size`: 32 MiB, enough for the upper levels of the indexes of millions of deliveries.
/// - `wal_autocheckpoint`: a thread of its own does it, so that no commit waits for it.
const SETTINGS: &str = "
    PRAGMA synchronous = FULL;
    PRAGMA fullfsync = ON;
    PRAGMA foreign_keys = ON;
    PRAGMA journal_size_limit = 67108864;
    PRAGMA cache_size = -32768;
    PRAGMA wal_autocheckpoint = 0;
";

/// Opens the database, which nobody else has open, and brings it to the newest version.
///
/// A file that is refused is not changed.
pub(super) fn open(path: &Path, vfs: Option<&str>) -> StoreResult<Connection> {
    let connection =
        connect(path, vfs, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)?;
    let version = version(&connection, path)?;
    configure(&connection)?;
    migrate(&connection, version)?;
    Ok(connection)
}

/// Another connection to a database that is open, for checkpoints.
pub(super) fn open_beside(path: &Path, vfs: Option<&str>) -> StoreResult<Connection> {
    let connection = connect(path, vfs, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.execute_batch(SETTINGS)?;
    Ok(connection)
}

/// Another connection to a database that is open, which sees what was committed.
pub(super) fn open_reader(path: &Path, vfs: Option<&str>) -> StoreResult<Connection> {
    connect(path, vfs, OpenFlags::SQLITE_OPEN_READ_ONLY)
}

fn connect(path: &Path, vfs: Option<&str>, flags: OpenFlags) -> StoreResult<Connection> {
    let flags = flags | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let opened = match vfs {
        None => Connection::open_with_flags(path, flags),
        Some(vfs) => Connection::open_with_flags_and_vfs(path, flags, vfs),
    };
    let connection = opened
        .map_err(|error| StoreError::Failed(format!("cannot open {}: {error}", path.display())))?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(CACHED_STATEMENTS);
    Ok(connection)
}

/// How many migrations the file has seen.
pub(super) fn version(connection: &Connection, path: &Path) -> StoreResult<usize> {
    let application = match pragma(connection, "PRAGMA application_id") {
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::NotADatabase) => {
            return Err(StoreError::Foreign(path.to_owned()));
        }
        other => other?,
    };
    let version = pragma(connection, "PRAGMA user_version")?;
    let tables = pragma(connection, "SELECT count(*) FROM sqlite_schema")?;
    let empty = application == 0 && version == 0 && tables == 0;
    if !empty && application != APPLICATION_ID {
        return Err(StoreError::Foreign(path.to_owned()));
    }
    let known = MIGRATIONS.len();
    match usize::try_from(version) {
        Ok(version) if version <= known => Ok(version),
        Ok(_) => {
            Err(StoreError::Newer { path: path.to_owned(), found: version, known: known as i64 })
        }
        Err(_) => Err(StoreError::Foreign(path.to_owned())),
    }
}

fn configure(connection: &Connection) -> StoreResult<()> {
    let mode: String = connection.query_row("PRAGMA journal_mode = WAL", (), |row| row.get(0))?;
    if mode != "wal" {
        return Err(StoreError::Failed(format!(
            "the file system of the data directory allows no write-ahead log (journal mode `{mode}`); \
             choose another with --data"
        )));
    }
    connection.execute_batch(SETTINGS)?;
    Ok(())
}

/// Every migration is one transaction with its version: a crash leaves the one or the other version.
fn migrate(connection: &Connection, version: usize) -> StoreResult<()> {
    for (index, migration) in MIGRATIONS.iter().enumerate().skip(version) {
        let next = index + 1;
        connection.execute_batch(&format!(
            "BEGIN IMMEDIATE;
             {migration}
             PRAGMA application_id = {APPLICATION_ID};
             PRAGMA user_version = {next};
             COMMIT;"
        ))?;
    }
    Ok(())
}

fn pragma(connection: &Connection, sql: &str) -> rusqlite::Result<i64> {
    connection.query_row(sql, (), |row| row.get(0))
}
