//! SQL that people write, over tables that are made to be read. Each query has a process of its own (`worker.rs`) and a
//! connection that can read nothing else (`guard.rs`); the tables are views of the store's file and of the newest days of telemetry
//! (`tables.rs`).

mod guard;
mod tables;
mod worker;

#[cfg(test)]
mod tests;

use std::{
    path::Path,
    time::{Duration, Instant},
};

use motia_manifest::TenantId;
use rusqlite::{Connection, Error, ErrorCode, Row, types::ValueRef};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::Semaphore;

use crate::StoreError;

pub use tables::{QueryColumn, QueryTable};
pub use worker::{QueryCommand, query_worker};

/// A query takes so long at most.
const TIME: Duration = Duration::from_secs(5);
/// Its answer has so many bytes at most.
const BYTES: usize = 8 << 20;
/// So many queries of this process may wait for the one that runs.
const WAITING: usize = 4;
/// What a value takes besides its text.
const VALUE_BYTES: usize = 8;
/// JavaScript loses digits of larger numbers.
const LARGEST_NUMBER: u64 = (1 << 53) - 1;

/// The query that runs.
static TURN: Semaphore = Semaphore::const_new(1);
/// It and those that wait.
static PLACES: Semaphore = Semaphore::const_new(1 + WAITING);

/// A query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueryRequest {
    /// One statement that reads.
    pub sql: String,
    /// So many rows at most.
    pub limit: usize,
}

/// What a query has found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct QueryAnswer {
    /// The names of the columns.
    pub columns: Vec<String>,
    /// The rows. Numbers of which JavaScript would lose digits are texts; blobs are texts of hexadecimal digits.
    pub rows: Vec<Vec<Value>>,
    /// Whether there are more.
    pub truncated: bool,
}

/// Why a query has no answer.
#[derive(Debug, Clone, thiserror::Error)]
pub enum QueryError {
    /// It is not one that can be answered.
    #[error("{0}")]
    Invalid(String),
    /// It takes too long.
    #[error(
        "the query did not end within {} s; read fewer rows, for example those of the last hour",
        TIME.as_secs()
    )]
    Timeout,
    /// The answer is too large, or what it is made of.
    #[error(
        "the answer has more than {} MiB, or takes too much memory; select fewer columns, or fewer rows with LIMIT",
        BYTES >> 20
    )]
    TooLarge,
    /// Too many wait.
    #[error("a query runs and {} wait for it; try again when they have ended", WAITING)]
    Busy,
    /// The store or the telemetry cannot be read.
    #[error(transparent)]
    Failed(#[from] StoreError),
}

/// What can be queried.
#[derive(Debug, Clone, Serialize)]
pub struct QuerySchema {
    /// The tables.
    pub tables: &'static [QueryTable],
    /// Queries to begin with.
    pub examples: &'static [QueryExample],
}

/// A query to begin with.
#[derive(Debug, Clone, Serialize)]
pub struct QueryExample {
    /// What it answers.
    pub title: &'static str,
    /// The query.
    pub sql: &'static str,
}

/// What can be queried.
pub fn query_schema() -> QuerySchema {
    QuerySchema { tables: tables::TABLES, examples: tables::EXAMPLES }
}

/// Answers a query over what a data directory holds of a tenant. It sees what is on disk, and of runs and logs the
/// newest seven days; it takes 5 s and finds 8 MiB at most. One runs at a time, in a process of `command`, which ends when
/// whoever asked has gone.
///
/// # Errors
/// When it is not one that can be answered, or too many wait.
pub async fn query(
    command: &QueryCommand,
    data: &Path,
    tenant: &TenantId,
    request: QueryRequest,
) -> Result<QueryAnswer, QueryError> {
    let _place = PLACES.try_acquire().map_err(|_| QueryError::Busy)?;
    let _turn = TURN.acquire().await.map_err(|_| QueryError::Busy)?;
    worker::run(command, data.to_owned(), tenant, request).await
}

fn answer(
    data: &Path,
    tenant: &TenantId,
    request: &QueryRequest,
    time: Duration,
) -> Result<QueryAnswer, QueryError> {
    let connection = guard::open(data, tenant, Instant::now() + time)?;
    read(&connection, request).map_err(|error| match error {
        Fault::Sqlite(error) => explained(error, &request.sql),
        Fault::Query(error) => error,
    })
}

enum Fault {
    Sqlite(Error),
    Query(QueryError),
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Sqlite(error)
    }
}

fn read(connection: &Connection, request: &QueryRequest) -> Result<QueryAnswer, Fault> {
    let invalid = |message: &str| Fault::Query(QueryError::Invalid(message.to_owned()));
    let mut statement = connection.prepare(&request.sql)?;
    if statement.column_count() == 0 {
        return Err(invalid("the query selects nothing; expected one SELECT"));
    }
    if statement.parameter_count() > 0 {
        return Err(invalid("the query has parameters; write their values into it"));
    }
    let columns: Vec<String> = statement.column_names().map(str::to_owned).collect();
    let mut answer = QueryAnswer { columns, rows: Vec::new(), truncated: false };
    let mut bytes = 0;
    let mut rows = statement.raw_query();
    while let Some(row) = rows.next()? {
        if answer.rows.len() == request.limit {
            answer.truncated = true;
            break;
        }
        let values = values_of(row, answer.columns.len(), &mut bytes)?;
        if bytes > BYTES {
            return Err(Fault::Query(QueryError::TooLarge));
        }
        answer.rows.push(values);
    }
    Ok(answer)
}

fn values_of(row: &Row<'_>, columns: usize, bytes: &mut usize) -> rusqlite::Result<Vec<Value>> {
    let mut values = Vec::with_capacity(columns);
    for column in 0..columns {
        let value = value_of(row.get_ref(column)?);
        *bytes += VALUE_BYTES + value.as_str().map_or(0, str::len);
        values.push(value);
    }
    Ok(values)
}

fn value_of(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) if number.unsigned_abs() > LARGEST_NUMBER => {
            Value::from(number.to_string())
        }
        ValueRef::Integer(number) => Value::from(number),
        ValueRef::Real(number) => Value::from(number),
        ValueRef::Text(text) => Value::from(String::from_utf8_lossy(text)),
        ValueRef::Blob(bytes) => {
            Value::from(bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
        }
    }
}

/// What SQLite refuses or cannot do, in the words of whoever wrote the query.
fn explained(error: Error, sql: &str) -> QueryError {
    match error.sqlite_error_code() {
        Some(ErrorCode::OperationInterrupted) => return QueryError::Timeout,
        Some(ErrorCode::OutOfMemory | ErrorCode::TooBig) => return QueryError::TooLarge,
        Some(
            ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseCorrupt
            | ErrorCode::DiskFull
            | ErrorCode::SystemIoFailure
            | ErrorCode::CannotOpen,
        ) => return QueryError::Failed(error.into()),
        _ => {}
    }
    let refused = error.sqlite_error_code() == Some(ErrorCode::AuthorizationForStatementDenied);
    QueryError::Invalid(match error {
        Error::MultipleStatement => "there are several statements; expected one SELECT".to_owned(),
        // Of `UPDATE state …`, SQLite says so before it asks for leave: what queries read are views.
        error if refused || error.to_string().contains("because it is a view") => {
            let names: Vec<&str> = tables::TABLES.iter().map(|table| table.name).collect();
            format!("{}; a query only reads, from {}", message_of(error), names.join(", "))
        }
        Error::SqlInputError { msg, offset, .. } => format!("{msg}{}", place_of(sql, offset)),
        error => message_of(error),
    })
}

fn message_of(error: Error) -> String {
    match error {
        Error::SqliteFailure(_, Some(message)) | Error::SqlInputError { msg: message, .. } => {
            message
        }
        error => error.to_string(),
    }
}

/// Where in the query something is wrong.
fn place_of(sql: &str, offset: i32) -> String {
    let before = usize::try_from(offset).ok().and_then(|offset| sql.get(..offset));
    let Some(before) = before else { return String::new() };
    let line = before.matches('\n').count() + 1;
    let column = before.chars().rev().take_while(|letter| *letter != '\n').count() + 1;
    format!(" at line {line}, column {column}")
}
