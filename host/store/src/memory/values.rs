//! State, stream items, and the events of their changes.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Model;
use crate::{
    Entry, GroupKey, ItemChange, Json, KeyPattern, Lane, LaneOrder, Millis, NewDelivery, NewEvent,
    Reaction, StoreResult, StoredItem, UpdateOp, apply_update,
    update::{check_value_size, group_too_large},
};

/// The items of a stream's group.
#[derive(Debug, Default)]
pub(super) struct Stream {
    last_offset: i64,
    items: BTreeMap<String, StoredItem>,
}

/// The value after an update.
pub(super) fn updated(
    current: Option<Json>,
    ops: &[UpdateOp],
    max_bytes: usize,
) -> StoreResult<Json> {
    let new = apply_update(current.as_deref(), ops)?;
    check_value_size(&new, max_bytes)?;
    Ok(new)
}

/// Refuses a group of more than `max_bytes`.
pub(super) fn check_group_size(
    group: &GroupKey,
    bytes: usize,
    max_bytes: usize,
) -> StoreResult<()> {
    if bytes > max_bytes { Err(group_too_large(&group.group, max_bytes)) } else { Ok(()) }
}

impl Model {
    pub(super) fn value(&self, group: &GroupKey, key: &str) -> Option<Json> {
        self.state.get(group)?.get(key).cloned()
    }

    /// The values of a group, by key.
    pub(super) fn entries(&self, group: &GroupKey) -> Vec<Entry> {
        let values = self.state.get(group).into_iter().flatten();
        values.map(|(key, value)| Entry { key: key.clone(), value: value.clone() }).collect()
    }

    pub(super) fn set_value(
        &mut self,
        group: &GroupKey,
        key: &str,
        value: Json,
        reaction: Option<&Reaction>,
        now: Millis,
    ) -> Option<Json> {
        let values = self.state.entry(group.clone()).or_default();
        let old = values.insert(key.to_owned(), value.clone());
        if let Some(reaction) = reaction {
            let data = state_change(group, key, old.as_deref(), Some(&value));
            self.react(reaction, 0, group, key, data, now);
        }
        old
    }

    pub(super) fn delete_value(
        &mut self,
        group: &GroupKey,
        key: &str,
        reaction: Option<&Reaction>,
        now: Millis,
    ) -> Option<Json> {
        let old = self.state.get_mut(group)?.remove(key)?;
        if let Some(reaction) = reaction {
            let data = state_change(group, key, Some(&old), None);
            self.react(reaction, 0, group, key, data, now);
        }
        Some(old)
    }

    pub(super) fn clear_values(
        &mut self,
        group: &GroupKey,
        reaction: Option<&Reaction>,
        now: Millis,
    ) -> u64 {
        let cleared = self.state.remove(group).unwrap_or_default();
        if let Some(reaction) = reaction {
            for (number, (key, old)) in (0..).zip(&cleared) {
                let data = state_change(group, key, Some(old), None);
                self.react(reaction, number, group, key, data, now);
            }
        }
        cleared.len() as u64
    }

    pub(super) fn item(&self, group: &GroupKey, id: &str) -> Option<StoredItem> {
        self.streams.get(group)?.items.get(id).cloned()
    }

    /// The items of a group, by id.
    pub(super) fn items(&self, group: &GroupKey) -> Vec<StoredItem> {
        self.streams
            .get(group)
            .map(|stream| stream.items.values().cloned().collect())
            .unwrap_or_default()
    }

    pub(super) fn set_item(
        &mut self,
        group: &GroupKey,
        id: &str,
        data: Json,
        reaction: Option<&Reaction>,
        now: Millis,
    ) -> ItemChange {
        let stream = self.streams.entry(group.clone()).or_default();
        stream.last_offset += 1;
        let offset = stream.last_offset;
        let item = StoredItem { id: id.to_owned(), data: data.clone(), offset };
        let old = stream.items.insert(id.to_owned(), item).map(|item| item.data);
        if let Some(reaction) = reaction {
            let action = if old.is_some() { "update" } else { "create" };
            self.react(reaction, 0, group, id, item_change(group, id, action, &data), now);
        }
        ItemChange { old, offset }
    }

    pub(super) fn delete_item(
        &mut self,
        group: &GroupKey,
        id: &str,
        reaction: Option<&Reaction>,
        now: Millis,
    ) -> ItemChange {
        let stream = self.streams.entry(group.clone()).or_default();
        let Some(old) = stream.items.remove(id) else {
            return ItemChange { old: None, offset: 0 };
        };
        stream.last_offset += 1;
        let offset = stream.last_offset;
        if let Some(reaction) = reaction {
            self.react(reaction, 0, group, id, item_change(group, id, "delete", &old.data), now);
        }
        ItemChange { old: Some(old.data), offset }
    }

    /// Stores the event of a change, the `number`th one of its call, for the steps that watch the key.
    fn react(
        &mut self,
        reaction: &Reaction,
        number: i64,
        group: &GroupKey,
        key: &str,
        data: Json,
        now: Millis,
    ) {
        let Reaction { event, patterns } = reaction;
        let lane = Lane { key: format!("{}\u{0}{key}", group.group), order: LaneOrder::Fifo };
        let watches = |pattern: &Option<KeyPattern>| {
            pattern.as_ref().is_none_or(|pattern| pattern.matches(key))
        };
        let watching =
            event.deliveries.iter().zip(patterns).filter(|(_, pattern)| watches(pattern));
        let deliveries = watching
            .map(|(delivery, _)| NewDelivery { lane: Some(lane.clone()), ..delivery.clone() })
            .collect();
        self.emit(&NewEvent { id: event.id + number, data, deliveries, ..event.clone() }, now);
    }
}

/// The data of the event of a state value's change.
fn state_change(group: &GroupKey, key: &str, old: Option<&str>, new: Option<&str>) -> Json {
    format!(
        r#"{{"groupId":{},"key":{},"oldValue":{},"newValue":{}}}"#,
        quoted(&group.group),
        quoted(key),
        old.unwrap_or("null"),
        new.unwrap_or("null")
    )
}

/// The data of the event of a stream item's change.
fn item_change(group: &GroupKey, id: &str, action: &str, data: &str) -> Json {
    format!(
        r#"{{"streamName":{},"groupId":{},"id":{},"action":"{action}","data":{data}}}"#,
        quoted(group.stream.as_deref().unwrap_or_default()),
        quoted(&group.group),
        quoted(id)
    )
}

fn quoted(text: &str) -> Json {
    Value::from(text).to_string()
}
