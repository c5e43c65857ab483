//! State: the values of groups.

use rusqlite::{Connection, OptionalExtension};

use super::reactions::{Change, react};
use crate::{
    Entry, GroupKey, Json, Millis, Reaction, StoreResult, UpdateOp, apply_update,
    update::{check_value_size, group_too_large},
};

pub(super) fn get(
    connection: &Connection,
    group: &GroupKey,
    key: &str,
) -> StoreResult<Option<Json>> {
    let value = connection
        .prepare_cached("SELECT value FROM state WHERE tenant = ?1 AND grp = ?2 AND key = ?3")?
        .query_row((group.tenant.as_str(), group.group.as_str(), key), |row| {
            row.get::<_, String>(0)
        })
        .optional()?;
    Ok(value)
}

pub(super) fn set(
    connection: &Connection,
    group: &GroupKey,
    key: &str,
    value: &str,
    reaction: Option<&Reaction>,
    now: Millis,
) -> StoreResult<Option<Json>> {
    let old = get(connection, group, key)?;
    put(connection, group, key, value, now)?;
    if let Some(reaction) = reaction {
        let change = Change { group, key, old: old.as_deref(), new: Some(value) };
        react(connection, reaction, &change, 0, now)?;
    }
    Ok(old)
}

pub(super) fn delete(
    connection: &Connection,
    group: &GroupKey,
    key: &str,
    reaction: Option<&Reaction>,
    now: Millis,
) -> StoreResult<Option<Json>> {
    let old = get(connection, group, key)?;
    connection
        .prepare_cached("DELETE FROM state WHERE tenant = ?1 AND grp = ?2 AND key = ?3")?
        .execute((group.tenant.as_str(), group.group.as_str(), key))?;
    if let (Some(reaction), Some(old)) = (reaction, &old) {
        let change = Change { group, key, old: Some(old), new: None };
        react(connection, reaction, &change, 0, now)?;
    }
    Ok(old)
}

pub(super) fn entries(
    connection: &Connection,
    group: &GroupKey,
    max_bytes: usize,
) -> StoreResult<Vec<Entry>> {
    let mut select = connection.prepare_cached(
        "SELECT key, value FROM state WHERE tenant = ?1 AND grp = ?2 ORDER BY key",
    )?;
    let rows = select.query_map((group.tenant.as_str(), group.group.as_str()), |row| {
        Ok(Entry { key: row.get(0)?, value: row.get(1)? })
    })?;
    let mut bytes = 0;
    let mut entries = Vec::new();
    for row in rows {
        let entry = row?;
        bytes += entry.key.len() + entry.value.len();
        if bytes > max_bytes {
            return Err(group_too_large(&group.group, max_bytes));
        }
        entries.push(entry);
    }
    Ok(entries)
}

pub(super) fn clear(
    connection: &Connection,
    group: &GroupKey,
    reaction: Option<&Reaction>,
    now: Millis,
) -> StoreResult<u64> {
    if let Some(reaction) = reaction {
        for (index, entry) in (0..).zip(entries(connection, group, usize::MAX)?) {
            let change = Change { group, key: &entry.key, old: Some(&entry.value), new: None };
            react(connection, reaction, &change, index, now)?;
        }
    }
    let cleared = connection
        .prepare_cached("DELETE FROM state WHERE tenant = ?1 AND grp = ?2")?
        .execute((group.tenant.as_str(), group.group.as_str()))?;
    Ok(cleared as u64)
}

pub(super) fn update(
    connection: &Connection,
    group: &GroupKey,
    key: &str,
    ops: &[UpdateOp],
    max_bytes: usize,
    reaction: Option<&Reaction>,
    now: Millis,
) -> StoreResult<Json> {
    let old = get(connection, group, key)?;
    let new = apply_update(old.as_deref(), ops)?;
    check_value_size(&new, max_bytes)?;
    put(connection, group, key, &new, now)?;
    if let Some(reaction) = reaction {
        let change = Change { group, key, old: old.as_deref(), new: Some(&new) };
        react(connection, reaction, &change, 0, now)?;
    }
    Ok(new)
}

fn put(
    connection: &Connection,
    group: &GroupKey,
    key: &str,
    value: &str,
    now: Millis,
) -> StoreResult<()> {
    connection
        .prepare_cached(
            "INSERT INTO state (tenant, grp, key, value, updated_at) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (tenant, grp, key) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at",
        )?
        .execute((group.tenant.as_str(), group.group.as_str(), key, value, now))?;
    Ok(())
}
