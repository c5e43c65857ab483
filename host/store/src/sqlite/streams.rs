//! Stream items. Every change of a group has the next offset, so that a reader can tell what it missed.

use rusqlite::{Connection, OptionalExtension, Row};

use super::reactions::{Change, react};
use crate::{
    GroupKey, ItemChange, Millis, Reaction, StoreResult, StoredItem, update::group_too_large,
};

pub(super) fn get(
    connection: &Connection,
    group: &GroupKey,
    id: &str,
) -> StoreResult<Option<StoredItem>> {
    let item = connection
        .prepare_cached(
            "SELECT id, data, \"offset\" FROM stream_item
             WHERE tenant = ?1 AND stream = ?2 AND grp = ?3 AND id = ?4",
        )?
        .query_row((group.tenant.as_str(), stream(group), group.group.as_str(), id), stored_item)
        .optional()?;
    Ok(item)
}

pub(super) fn set(
    connection: &Connection,
    group: &GroupKey,
    id: &str,
    data: &str,
    reaction: Option<&Reaction>,
    now: Millis,
) -> StoreResult<ItemChange> {
    let old = get(connection, group, id)?.map(|item| item.data);
    let offset = next_offset(connection, group)?;
    connection
        .prepare_cached(
            "INSERT INTO stream_item (tenant, stream, grp, id, data, \"offset\", updated_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
             ON CONFLICT (tenant, stream, grp, id)
             DO UPDATE SET data = excluded.data, \"offset\" = excluded.\"offset\", updated_at = excluded.updated_at",
        )?
        .execute((group.tenant.as_str(), stream(group), group.group.as_str(), id, data, offset, now))?;
    if let Some(reaction) = reaction {
        let change = Change { group, key: id, old: old.as_deref(), new: Some(data) };
        react(connection, reaction, &change, 0, now)?;
    }
    Ok(ItemChange { old, offset })
}

pub(super) fn delete(
    connection: &Connection,
    group: &GroupKey,
    id: &str,
    reaction: Option<&Reaction>,
    now: Millis,
) -> StoreResult<ItemChange> {
    let Some(item) = get(connection, group, id)? else {
        return Ok(ItemChange { old: None, offset: 0 });
    };
    let offset = next_offset(connection, group)?;
    connection
        .prepare_cached(
            "DELETE FROM stream_item WHERE tenant = ?1 AND stream = ?2 AND grp = ?3 AND id = ?4",
        )?
        .execute((group.tenant.as_str(), stream(group), group.group.as_str(), id))?;
    if let Some(reaction) = reaction {
        let change = Change { group, key: id, old: Some(&item.data), new: None };
        react(connection, reaction, &change, 0, now)?;
    }
    Ok(ItemChange { old: Some(item.data), offset })
}

pub(super) fn items(
    connection: &Connection,
    group: &GroupKey,
    max_bytes: usize,
) -> StoreResult<Vec<StoredItem>> {
    let mut select = connection.prepare_cached(
        "SELECT id, data, \"offset\" FROM stream_item WHERE tenant = ?1 AND stream = ?2 AND grp = ?3 ORDER BY id",
    )?;
    let rows = select
        .query_map((group.tenant.as_str(), stream(group), group.group.as_str()), stored_item)?;
    let mut bytes = 0;
    let mut items = Vec::new();
    for row in rows {
        let item = row?;
        bytes += item.id.len() + item.data.len();
        if bytes > max_bytes {
            return Err(group_too_large(&group.group, max_bytes));
        }
        items.push(item);
    }
    Ok(items)
}

fn next_offset(connection: &Connection, group: &GroupKey) -> StoreResult<i64> {
    connection
        .prepare_cached(
            "INSERT INTO stream_group (tenant, stream, grp, last_offset) VALUES (?1, ?2, ?3, 1)
             ON CONFLICT (tenant, stream, grp) DO UPDATE SET last_offset = last_offset + 1",
        )?
        .execute((group.tenant.as_str(), stream(group), group.group.as_str()))?;
    let offset = connection
        .prepare_cached(
            "SELECT last_offset FROM stream_group WHERE tenant = ?1 AND stream = ?2 AND grp = ?3",
        )?
        .query_row((group.tenant.as_str(), stream(group), group.group.as_str()), |row| {
            row.get::<_, i64>(0)
        })?;
    Ok(offset)
}

fn stored_item(row: &Row<'_>) -> rusqlite::Result<StoredItem> {
    Ok(StoredItem { id: row.get(0)?, data: row.get(1)?, offset: row.get(2)? })
}

fn stream(group: &GroupKey) -> &str {
    group.stream.as_deref().unwrap_or_default()
}
