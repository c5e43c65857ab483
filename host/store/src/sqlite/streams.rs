//! Stream items. Every change of a group has the next offset, so that a reader can tell what it missed.

use rusqlite::{Connection, OptionalExtension, Row};

use super::reactions::{Change, react};
use crate::{
    GroupKey, ItemAction, ItemChange, ItemEvent, ItemSnapshot, Millis, Reaction, StoreResult,
    StoredItem, live::News, update::group_too_large,
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
    news: &News,
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
            "INSERT INTO stream_item (tenant, stream, grp, id, data, \"offset\", updated_at, created)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?6)
             ON CONFLICT (tenant, stream, grp, id)
             DO UPDATE SET data = excluded.data, \"offset\" = excluded.\"offset\", updated_at = excluded.updated_at",
        )?
        .execute((group.tenant.as_str(), stream(group), group.group.as_str(), id, data, offset, now))?;
    if old.is_none() {
        forget_deleted(connection, group, id)?;
    }
    if let Some(reaction) = reaction {
        let change = Change { group, key: id, old: old.as_deref(), new: Some(data) };
        react(connection, reaction, &change, 0, now)?;
    }
    let action = if old.is_some() { ItemAction::Update } else { ItemAction::Create };
    news.changed(|| event(group, action, id, data, offset));
    Ok(ItemChange { old, offset })
}

pub(super) fn delete(
    connection: &Connection,
    news: &News,
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
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO stream_deleted (tenant, stream, grp, id, data, \"offset\", deleted_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute((
            group.tenant.as_str(),
            stream(group),
            group.group.as_str(),
            id,
            item.data.as_str(),
            offset,
            now,
        ))?;
    news.changed(|| event(group, ItemAction::Delete, id, &item.data, offset));
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

/// The items of a group, or one of them, and the number of the group's last change.
pub(super) fn snapshot(
    connection: &Connection,
    group: &GroupKey,
    id: Option<&str>,
    max_bytes: usize,
) -> StoreResult<ItemSnapshot> {
    // One transaction, so that both are of one moment.
    let moment = connection.unchecked_transaction()?;
    let items = match id {
        Some(id) => get(&moment, group, id)?.into_iter().collect(),
        None => items(&moment, group, max_bytes)?,
    };
    let (offset, _) = offsets(&moment, group)?;
    Ok(ItemSnapshot { items, offset })
}

/// What differs in a group since an offset: the last change of each item.
pub(super) fn since(
    connection: &Connection,
    group: &GroupKey,
    since: i64,
    max_bytes: usize,
) -> StoreResult<Option<Vec<ItemEvent>>> {
    let moment = connection.unchecked_transaction()?;
    let (last, forgotten) = offsets(&moment, group)?;
    if since < forgotten || since > last {
        return Ok(None);
    }
    let mut select = moment.prepare_cached(
        "SELECT id, data, \"offset\", created > ?4, 0 FROM stream_item
         WHERE tenant = ?1 AND stream = ?2 AND grp = ?3 AND \"offset\" > ?4
         UNION ALL
         SELECT id, data, \"offset\", 0, 1 FROM stream_deleted
         WHERE tenant = ?1 AND stream = ?2 AND grp = ?3 AND \"offset\" > ?4
         ORDER BY 3",
    )?;
    let key = (group.tenant.as_str(), stream(group), group.group.as_str(), since);
    let rows = select.query_map(key, |row| {
        let action = match (row.get(3)?, row.get(4)?) {
            (_, true) => ItemAction::Delete,
            (true, false) => ItemAction::Create,
            (false, false) => ItemAction::Update,
        };
        Ok((stored_item(row)?, action))
    })?;
    let (mut events, mut bytes) = (Vec::new(), 0);
    for row in rows {
        let (item, action) = row?;
        bytes += item.id.len() + item.data.len();
        if bytes > max_bytes {
            return Ok(None);
        }
        events.push(event(group, action, &item.id, &item.data, item.offset));
    }
    Ok(Some(events))
}

/// Forgets deleted items that nobody can have missed for so long; returns how many.
pub(super) fn sweep(connection: &Connection, before: Millis, limit: i64) -> StoreResult<u64> {
    let mut select = connection.prepare_cached(
        "SELECT tenant, stream, grp, id, \"offset\" FROM stream_deleted
         WHERE deleted_at < ?1 ORDER BY deleted_at, tenant, stream, grp, id LIMIT ?2",
    )?;
    let rows = select.query_map((before, limit), |row| {
        Ok((
            row.get::<_, String>(0)?,
            row.get::<_, String>(1)?,
            row.get::<_, String>(2)?,
            row.get::<_, String>(3)?,
            row.get::<_, i64>(4)?,
        ))
    })?;
    let deleted = rows.collect::<rusqlite::Result<Vec<_>>>()?;
    for (tenant, stream, group, id, offset) in &deleted {
        connection
            .prepare_cached(
                "UPDATE stream_group SET forgotten = max(forgotten, ?4)
                 WHERE tenant = ?1 AND stream = ?2 AND grp = ?3",
            )?
            .execute((tenant, stream, group, offset))?;
        connection
            .prepare_cached(
                "DELETE FROM stream_deleted WHERE tenant = ?1 AND stream = ?2 AND grp = ?3 AND id = ?4",
            )?
            .execute((tenant, stream, group, id))?;
    }
    Ok(deleted.len() as u64)
}

/// The item exists again.
fn forget_deleted(connection: &Connection, group: &GroupKey, id: &str) -> StoreResult<()> {
    connection
        .prepare_cached(
            "DELETE FROM stream_deleted WHERE tenant = ?1 AND stream = ?2 AND grp = ?3 AND id = ?4",
        )?
        .execute((group.tenant.as_str(), stream(group), group.group.as_str(), id))?;
    Ok(())
}

/// The last change of a group, and the last one whose deletions are forgotten.
fn offsets(connection: &Connection, group: &GroupKey) -> StoreResult<(i64, i64)> {
    let offsets = connection
        .prepare_cached(
            "SELECT last_offset, forgotten FROM stream_group WHERE tenant = ?1 AND stream = ?2 AND grp = ?3",
        )?
        .query_row((group.tenant.as_str(), stream(group), group.group.as_str()), |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()?;
    Ok(offsets.unwrap_or_default())
}

fn event(group: &GroupKey, action: ItemAction, id: &str, data: &str, offset: i64) -> ItemEvent {
    ItemEvent { group: group.clone(), id: id.to_owned(), action, data: data.to_owned(), offset }
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
