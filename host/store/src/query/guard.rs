//! What a query can reach: the tables of `tables.rs` and functions that only compute.
//!
//! The views are in two layers. SQLite tells the authorizer through which view a table is read, but by the name that
//! stands in the query, and a query can give that name to something of its own (`WITH runs AS (SELECT * FROM event)`).
//! So files are read only through views whose names nobody knows, and those are reached through the views that
//! everybody knows.

use std::{
    collections::HashSet,
    hash::{BuildHasher, Hasher, RandomState},
    path::Path,
    time::Instant,
};

use motia_manifest::TenantId;
use rusqlite::{
    Connection,
    hooks::{AuthAction, AuthContext, Authorization},
    limits::Limit,
};

use super::tables;
use crate::{StoreResult, sqlite, telemetry};

/// SQLite attaches ten files at most; the newest days are what is asked about.
const DAYS: usize = 7;
/// SQLite asks after so many instructions whether it may go on.
const INSTRUCTIONS: i32 = 1000;

/// The longest text or blob, in bytes: more than the largest state value.
const VALUE_BYTES: i32 = 16 << 20;
/// The longest query, in bytes.
const SQL_BYTES: i32 = 100_000;
/// The longest pattern of `LIKE`: matching may take its length times that of the text.
const PATTERN_BYTES: i32 = 200;

/// Functions that compute a value from values, besides those that begin with `json`.
#[rustfmt::skip]
const FUNCTIONS: &[&str] = &[
    "->", "->>", "abs", "avg", "char", "coalesce", "concat", "concat_ws", "count", "cume_dist", "current_date",
    "current_time", "current_timestamp", "date", "datetime", "dense_rank", "first_value", "format", "glob",
    "group_concat", "hex", "if", "ifnull", "iif", "instr", "julianday", "lag", "last_value", "lead", "length", "like",
    "likelihood", "likely", "lower", "ltrim", "max", "min", "nth_value", "ntile", "nullif", "octet_length",
    "percent_rank", "printf", "quote", "random", "rank", "replace", "round", "row_number", "rtrim", "sign",
    "strftime", "string_agg", "substr", "substring", "sum", "time", "timediff", "total", "trim", "typeof", "unhex",
    "unicode", "unixepoch", "unlikely", "upper",
];

/// Tables that are made of a value.
const TABLE_FUNCTIONS: [&str; 2] = ["json_each", "json_tree"];

/// A connection that can read the tables of a tenant until a time, and nothing else.
pub(super) fn open(data: &Path, tenant: &TenantId, until: Instant) -> StoreResult<Connection> {
    let mut connection = sqlite::open_reader(data)?;
    let days = attach_days(&connection, data)?;
    let files = file_tables(&connection, &days)?;
    let secret = secret();
    let now = jiff::Timestamp::now().as_millisecond();
    for sql in tables::views(&days, tenant, &secret, now) {
        connection.execute_batch(&sql)?;
    }
    let limits = [
        (Limit::SQLITE_LIMIT_LENGTH, VALUE_BYTES),
        (Limit::SQLITE_LIMIT_SQL_LENGTH, SQL_BYTES),
        (Limit::SQLITE_LIMIT_LIKE_PATTERN_LENGTH, PATTERN_BYTES),
        (Limit::SQLITE_LIMIT_WORKER_THREADS, 0),
    ];
    for (limit, value) in limits {
        connection.set_limit(limit, value)?;
    }
    connection.progress_handler(INSTRUCTIONS, Some(move || Instant::now() >= until))?;
    connection.authorizer(Some(move |context: AuthContext<'_>| {
        match is_allowed(&context, &secret, &files) {
            true => Authorization::Allow,
            false => Authorization::Deny,
        }
    }))?;
    Ok(connection)
}

/// Attaches the newest days of telemetry and returns their names, the newest first.
fn attach_days(connection: &Connection, data: &Path) -> StoreResult<Vec<String>> {
    let mut days = Vec::new();
    for path in telemetry::readable_days(data, DAYS) {
        let Some(file) = path.to_str() else { continue };
        let day = format!("day{}", days.len());
        connection.execute(&format!("ATTACH ?1 AS {day}"), (file,))?;
        days.push(day);
    }
    Ok(days)
}

/// The names of the tables in the files.
fn file_tables(connection: &Connection, days: &[String]) -> StoreResult<HashSet<String>> {
    let mut names = HashSet::new();
    for file in std::iter::once("main").chain(days.iter().map(String::as_str)) {
        let mut select =
            connection.prepare(&format!("SELECT lower(name) FROM {file}.sqlite_schema"))?;
        for name in select.query_map((), |row| row.get(0))? {
            names.insert(name?);
        }
    }
    Ok(names)
}

/// What nobody can guess.
fn secret() -> String {
    format!("{:016x}", RandomState::new().build_hasher().finish())
}

fn is_allowed(context: &AuthContext<'_>, secret: &str, files: &HashSet<String>) -> bool {
    match context.action {
        AuthAction::Select | AuthAction::Recursive => true,
        AuthAction::Function { function_name: name } => {
            name.starts_with("json") || FUNCTIONS.contains(&name)
        }
        AuthAction::Read { table_name: table, column_name: column } => {
            context.accessor.is_some_and(|view| view.ends_with(secret))
                || TABLE_FUNCTIONS.contains(&table)
                || match context.database_name {
                    // Nothing but the views is there, and SQLite's own tables.
                    Some("temp") => !is_internal(table),
                    // Somebody counts the rows of a view or of a part of the query, named as it is in the query.
                    None => column.is_empty() && !is_file_table(table, files),
                    Some(_) => false,
                }
        }
        _ => false,
    }
}

fn is_internal(table: &str) -> bool {
    ["sqlite_", "pragma_"].iter().any(|prefix| {
        table.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
    })
}

fn is_file_table(table: &str, files: &HashSet<String>) -> bool {
    let is_view = tables::TABLES.iter().any(|known| known.name.eq_ignore_ascii_case(table));
    !is_view && (is_internal(table) || files.contains(&table.to_ascii_lowercase()))
}
