//! How far the rates of steps have come.

use rusqlite::{Connection, OptionalExtension};

use crate::{StoreResult, pace::Arrival};

/// What is counted.
pub(super) struct Key<'a> {
    pub tenant: &'a str,
    pub step: &'a str,
    pub kind: &'static str,
    pub key: &'a str,
}

pub(super) fn arrival(connection: &Connection, key: &Key<'_>) -> StoreResult<Option<Arrival>> {
    let arrival = connection
        .prepare_cached(
            "SELECT arrival FROM pace WHERE tenant = ?1 AND step = ?2 AND kind = ?3 AND key = ?4",
        )?
        .query_row((key.tenant, key.step, key.kind, key.key), |row| row.get(0))
        .optional()?;
    Ok(arrival)
}

pub(super) fn set(connection: &Connection, key: &Key<'_>, arrival: Arrival) -> StoreResult<()> {
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO pace (tenant, step, kind, key, arrival) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute((key.tenant, key.step, key.kind, key.key, arrival))?;
    Ok(())
}
