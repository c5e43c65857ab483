//! What people look through. The primary keys are in the order of the lists, so that a page reads little more than it
//! shows, unless something is looked for.

use motia_manifest::TenantId;
use rusqlite::{Connection, OptionalExtension, Row, params_from_iter, types::Value};

use super::{limit_of, unsigned};
use crate::{
    GroupKey, PageFilter, StateEntry, StateGroup, StoreResult, StreamEntry, StreamGroup,
    browse::{Room, SHOWN_BYTES},
};

/// The conditions of a page, and their values.
struct Page {
    sql: String,
    values: Vec<Value>,
}

impl Page {
    fn of(tenant: &TenantId) -> Self {
        Self { sql: "tenant = ?1".to_owned(), values: vec![text(tenant.as_str())] }
    }

    fn with(mut self, column: &str, value: &str) -> Self {
        let value = self.bind(text(value));
        self.sql.push_str(&format!(" AND {column} = {value}"));
        self
    }

    /// Only what comes behind the page before, and has what is looked for in its name or in its value.
    fn take(mut self, filter: &PageFilter, name: &str, value: Option<&str>) -> Self {
        if let Some(after) = &filter.after {
            let after = self.bind(text(after));
            self.sql.push_str(&format!(" AND {name} > {after}"));
        }
        if let Some(needle) = filter.needle() {
            let needle = self.bind(Value::Text(needle));
            let mut found = format!("instr(lower({name}), {needle}) > 0");
            if let Some(value) = value {
                let value = shown(value);
                found.push_str(&format!(" OR instr(lower({value}), {needle}) > 0"));
            }
            self.sql.push_str(&format!(" AND ({found})"));
        }
        self
    }

    fn bind(&mut self, value: Value) -> String {
        self.values.push(value);
        format!("?{}", self.values.len())
    }

    /// Runs a query: what stands before its conditions, and what behind them.
    fn ask<T>(
        mut self,
        connection: &Connection,
        query: [&str; 2],
        limit: usize,
        make: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> StoreResult<Vec<T>> {
        let limit = self.bind(Value::Integer(limit_of(limit)));
        let [before, behind] = query;
        let sql = format!("{before} WHERE {} {behind} LIMIT {limit}", self.sql);
        let mut select = connection.prepare_cached(&sql)?;
        let rows = select.query_map(params_from_iter(self.values), make)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

/// A value that is not too long for a list.
fn shown(column: &str) -> String {
    format!("iif(octet_length({column}) <= {SHOWN_BYTES}, {column}, NULL)")
}

pub(super) fn state_groups(
    connection: &Connection,
    tenant: &TenantId,
    filter: &PageFilter,
) -> StoreResult<Vec<StateGroup>> {
    let query = [
        "SELECT grp, count(*), sum(octet_length(key) + octet_length(value)), max(updated_at) FROM state",
        "GROUP BY grp ORDER BY grp",
    ];
    let page = Page::of(tenant).take(filter, "grp", None);
    page.ask(connection, query, filter.limit, |row| {
        Ok(StateGroup {
            group_id: row.get(0)?,
            keys: unsigned(row, 1)?,
            bytes: unsigned(row, 2)?,
            updated_at: row.get(3)?,
        })
    })
}

pub(super) fn state_entries(
    connection: &Connection,
    group: &GroupKey,
    filter: &PageFilter,
) -> StoreResult<Vec<StateEntry>> {
    let value = shown("value");
    let select = format!("SELECT key, {value}, octet_length(value), updated_at FROM state");
    let page = Page::of(&group.tenant).with("grp", &group.group);
    let page = page.take(filter, "key", Some("value"));
    let mut room = Room::of_a_list();
    page.ask(connection, [&select, "ORDER BY key"], filter.limit, |row| {
        let entry = state_entry_of(row)?;
        Ok(StateEntry { value: room.show(entry.value), ..entry })
    })
}

pub(super) fn state_entry(
    connection: &Connection,
    group: &GroupKey,
    key: &str,
) -> StoreResult<Option<StateEntry>> {
    let entry = connection
        .prepare_cached(
            "SELECT key, value, octet_length(value), updated_at FROM state
             WHERE tenant = ?1 AND grp = ?2 AND key = ?3",
        )?
        .query_row((group.tenant.as_str(), group.group.as_str(), key), state_entry_of)
        .optional()?;
    Ok(entry)
}

fn state_entry_of(row: &Row<'_>) -> rusqlite::Result<StateEntry> {
    Ok(StateEntry {
        key: row.get(0)?,
        value: row.get(1)?,
        bytes: unsigned(row, 2)?,
        updated_at: row.get(3)?,
    })
}

/// Whether a group has items: groups outlive them.
const HAS_ITEMS: &str = "EXISTS (SELECT 1 FROM stream_item AS item WHERE item.tenant = stream_group.tenant
                                 AND item.stream = stream_group.stream AND item.grp = stream_group.grp)";

pub(super) fn stream_groups(
    connection: &Connection,
    tenant: &TenantId,
    stream: &str,
    filter: &PageFilter,
) -> StoreResult<Vec<StreamGroup>> {
    let select = "SELECT grp,
            (SELECT count(*) FROM stream_item AS item WHERE item.tenant = stream_group.tenant
             AND item.stream = stream_group.stream AND item.grp = stream_group.grp),
            last_offset,
            (SELECT updated_at FROM stream_item AS item WHERE item.tenant = stream_group.tenant
             AND item.stream = stream_group.stream AND item.grp = stream_group.grp
             ORDER BY item.\"offset\" DESC LIMIT 1)
        FROM stream_group";
    let behind = format!("AND {HAS_ITEMS} ORDER BY grp");
    let page = Page::of(tenant).with("stream", stream).take(filter, "grp", None);
    page.ask(connection, [select, &behind], filter.limit, |row| {
        Ok(StreamGroup {
            group_id: row.get(0)?,
            items: unsigned(row, 1)?,
            offset: row.get(2)?,
            updated_at: row.get(3)?,
        })
    })
}

pub(super) fn stream_items(
    connection: &Connection,
    group: &GroupKey,
    filter: &PageFilter,
) -> StoreResult<Vec<StreamEntry>> {
    let data = shown("data");
    let select =
        format!("SELECT id, {data}, octet_length(data), \"offset\", updated_at FROM stream_item");
    let stream = group.stream.as_deref().unwrap_or_default();
    let page = Page::of(&group.tenant).with("stream", stream).with("grp", &group.group);
    let page = page.take(filter, "id", Some("data"));
    let mut room = Room::of_a_list();
    page.ask(connection, [&select, "ORDER BY id"], filter.limit, |row| {
        let entry = stream_entry_of(row)?;
        Ok(StreamEntry { data: room.show(entry.data), ..entry })
    })
}

pub(super) fn stream_item(
    connection: &Connection,
    group: &GroupKey,
    id: &str,
) -> StoreResult<Option<StreamEntry>> {
    let stream = group.stream.as_deref().unwrap_or_default();
    let entry = connection
        .prepare_cached(
            "SELECT id, data, octet_length(data), \"offset\", updated_at FROM stream_item
             WHERE tenant = ?1 AND stream = ?2 AND grp = ?3 AND id = ?4",
        )?
        .query_row((group.tenant.as_str(), stream, group.group.as_str(), id), stream_entry_of)
        .optional()?;
    Ok(entry)
}

fn stream_entry_of(row: &Row<'_>) -> rusqlite::Result<StreamEntry> {
    Ok(StreamEntry {
        id: row.get(0)?,
        data: row.get(1)?,
        bytes: unsigned(row, 2)?,
        offset: row.get(3)?,
        updated_at: row.get(4)?,
    })
}

pub(super) fn stream_group_counts(
    connection: &Connection,
    tenant: &TenantId,
) -> StoreResult<Vec<(String, u64)>> {
    let mut select = connection.prepare_cached(&format!(
        "SELECT stream, count(*) FROM stream_group WHERE tenant = ?1 AND {HAS_ITEMS} GROUP BY stream ORDER BY stream"
    ))?;
    let rows = select.query_map((tenant.as_str(),), |row| Ok((row.get(0)?, unsigned(row, 1)?)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}
