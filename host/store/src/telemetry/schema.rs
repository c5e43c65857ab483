//! A day's file: whether it is ours, its tables, and connections to it.

use std::{path::Path, time::Duration};

use rusqlite::{Connection, ErrorCode, OpenFlags};

use crate::StoreError;

/// Says `mott` in the file's header: this file is no store.
const APPLICATION_ID: i64 = 0x6d6f_7474;
/// The version of the tables. There are no migrations: files of another version are put aside.
pub(super) const VERSION: i64 = 1;
/// How long somebody who looks into a file with `sqlite3` is waited for.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// More statements than are usual at a time.
const CACHED_STATEMENTS: usize = 64;

/// Inputs and outputs are apart, so that a search through a day's runs reads little. Each index ends with the id, so
/// that whatever is asked for comes newest first without sorting.
pub(super) const TABLES: &str = "
    CREATE TABLE run (
        id              TEXT NOT NULL,
        tenant          TEXT NOT NULL,
        step            TEXT NOT NULL,
        kind            TEXT NOT NULL,
        invocation_id   TEXT NOT NULL,
        trace_id        TEXT NOT NULL,
        parent          TEXT,
        delivery        INTEGER,
        event_id        INTEGER,
        attempt         INTEGER NOT NULL,
        status          TEXT NOT NULL,
        deployment      TEXT NOT NULL,
        response_status INTEGER,
        queued_at       INTEGER NOT NULL,
        started_at      INTEGER NOT NULL,
        ended_at        INTEGER NOT NULL,
        cpu_us          INTEGER,
        replay_of       TEXT,
        span_count      INTEGER NOT NULL,
        error           TEXT,
        PRIMARY KEY (tenant, id)
    ) STRICT;
    CREATE INDEX run_step ON run (tenant, step, id);
    CREATE INDEX run_trace ON run (tenant, trace_id, id);
    CREATE INDEX run_kind ON run (tenant, kind, id);
    CREATE INDEX run_unsuccessful ON run (tenant, status, id) WHERE status <> 'succeeded';
    CREATE INDEX run_root ON run (tenant, id) WHERE parent IS NULL AND attempt = 1;

    CREATE TABLE run_value (
        tenant TEXT NOT NULL,
        run    TEXT NOT NULL,
        input  TEXT,
        output TEXT,
        PRIMARY KEY (tenant, run)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE span_chunk (
        tenant TEXT NOT NULL,
        run    TEXT NOT NULL,
        first  INTEGER NOT NULL,
        count  INTEGER NOT NULL,
        spans  BLOB NOT NULL,
        PRIMARY KEY (tenant, run, first)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE log (
        id       TEXT NOT NULL,
        tenant   TEXT NOT NULL,
        at       INTEGER NOT NULL,
        level    TEXT NOT NULL,
        step     TEXT NOT NULL,
        run      TEXT NOT NULL,
        trace_id TEXT NOT NULL,
        message  TEXT NOT NULL,
        args     TEXT,
        PRIMARY KEY (tenant, id)
    ) STRICT;
    CREATE INDEX log_step ON log (tenant, step, id);
    CREATE INDEX log_trace ON log (tenant, trace_id, id);
    CREATE INDEX log_run ON log (tenant, run, id);
    CREATE INDEX log_severe ON log (tenant, id) WHERE level IN ('warn', 'error');
";

/// Why a day's file cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum FileError {
    #[error("{0}")]
    Sqlite(#[from] rusqlite::Error),
    #[error("the file {0}")]
    Unusable(String),
    #[error("{0}")]
    Other(#[from] StoreError),
}

impl FileError {
    /// What is wrong with the file itself, so that another one must take its place.
    pub fn flaw(&self) -> Option<&str> {
        match self {
            Self::Unusable(why) => Some(why),
            Self::Sqlite(error) => {
                let code = error.sqlite_error_code();
                let damaged =
                    matches!(code, Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt));
                damaged.then_some("is damaged")
            }
            Self::Other(_) => None,
        }
    }
}

impl From<FileError> for StoreError {
    fn from(error: FileError) -> Self {
        match error {
            FileError::Sqlite(error) => error.into(),
            FileError::Unusable(_) => Self::Failed(error.to_string()),
            FileError::Other(error) => error,
        }
    }
}

/// Opens a day's file for writing. One that is refused is not changed.
pub(super) fn create(path: &Path) -> Result<Connection, FileError> {
    let connection =
        connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)?;
    let made = is_made(&connection)?;
    connection.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;")?;
    if !made {
        connection.execute_batch(&format!(
            "BEGIN;
             {TABLES}
             PRAGMA application_id = {APPLICATION_ID};
             PRAGMA user_version = {VERSION};
             COMMIT;"
        ))?;
    }
    Ok(connection)
}

/// Opens a day's file for reading; none if nothing is written yet.
pub(super) fn open(path: &Path) -> Result<Option<Connection>, FileError> {
    let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    Ok(is_made(&connection)?.then_some(connection))
}

fn connect(path: &Path, flags: OpenFlags) -> rusqlite::Result<Connection> {
    let flags = flags | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(CACHED_STATEMENTS);
    Ok(connection)
}

/// Whether a file has our tables; otherwise it is empty.
fn is_made(connection: &Connection) -> Result<bool, FileError> {
    let pragma = |sql: &str| connection.query_row(sql, (), |row| row.get::<_, i64>(0));
    let application = pragma("PRAGMA application_id")?;
    let version = pragma("PRAGMA user_version")?;
    match (application, version) {
        (APPLICATION_ID, VERSION) => Ok(true),
        (APPLICATION_ID, newer) if newer > VERSION => Err(FileError::Unusable(format!(
            "was written by a newer version of motia (schema {newer}, this one knows {VERSION})"
        ))),
        (APPLICATION_ID, older) => Err(FileError::Unusable(format!(
            "was written by an older version of motia (schema {older}, this one writes {VERSION})"
        ))),
        (0, 0) if pragma("SELECT count(*) FROM sqlite_schema")? == 0 => Ok(false),
        _ => Err(FileError::Unusable("is no telemetry of motia".to_owned())),
    }
}
