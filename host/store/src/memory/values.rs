//! State, stream items, and the events of their changes.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Model;
use crate::{
    Entry, GroupKey, ItemAction, ItemChange, ItemEvent, ItemSnapshot, Json, KeyPattern, Lane,
    LaneOrder, Millis, NewDelivery, NewEvent, Reaction, StoreResult, StoredItem, UpdateOp,
    apply_update,
    update::{check_value_size, group_too_large},
};

/// A state value, and when it was stored.
#[derive(Debug)]
pub(super) struct Kept {
    pub value: Json,
    pub updated_at: Millis,
}

/// The items of a stream's group.
#[derive(Debug, Default)]
pub(super) struct Stream {
    pub last_offset: i64,
    pub items: BTreeMap<String, StoredItem>,
    /// When each item was stored.
    pub updated: BTreeMap<String, Millis>,
    /// The change with which each item began to be.
    created: BTreeMap<String, i64>,
    /// The deleted items, and when.
    deleted: BTreeMap<String, (StoredItem, Millis)>,
    /// The last change whose deletion is forgotten.
    forgotten: i64,
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
        Some(self.state.get(group)?.get(key)?.value.clone())
    }

    /// The values of a group, by key.
    pub(super) fn entries(&self, group: &GroupKey) -> Vec<Entry> {
        let values = self.state.get(group).into_iter().flatten();
        values.map(|(key, kept)| Entry { key: key.clone(), value: kept.value.clone() }).collect()
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
        let kept = Kept { value: value.clone(), updated_at: now };
        let old = values.insert(key.to_owned(), kept).map(|kept| kept.value);
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
        let old = self.state.get_mut(group)?.remove(key)?.value;
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
                let data = state_change(group, key, Some(&old.value), None);
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
        stream.updated.insert(id.to_owned(), now);
        if old.is_none() {
            stream.created.insert(id.to_owned(), offset);
            stream.deleted.remove(id);
        }
        if let Some(reaction) = reaction {
            let action = if old.is_some() { "update" } else { "create" };
            self.react(reaction, 0, group, id, item_change(group, id, action, &data), now);
        }
        let action = if old.is_some() { ItemAction::Update } else { ItemAction::Create };
        self.note_item(group, action, id, &data, offset);
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
        let gone = StoredItem { offset, ..old.clone() };
        stream.deleted.insert(id.to_owned(), (gone, now));
        self.note_item(group, ItemAction::Delete, id, &old.data, offset);
        if let Some(reaction) = reaction {
            self.react(reaction, 0, group, id, item_change(group, id, "delete", &old.data), now);
        }
        ItemChange { old: Some(old.data), offset }
    }

    fn note_item(&self, group: &GroupKey, action: ItemAction, id: &str, data: &str, offset: i64) {
        let (group, id, data) = (group.clone(), id.to_owned(), data.to_owned());
        self.news.changed(|| ItemEvent { group, id, action, data, offset });
    }

    pub(super) fn item_snapshot(&self, group: &GroupKey, id: Option<&str>) -> ItemSnapshot {
        let items = match id {
            Some(id) => self.item(group, id).into_iter().collect(),
            None => self.items(group),
        };
        let offset = self.streams.get(group).map_or(0, |stream| stream.last_offset);
        ItemSnapshot { items, offset }
    }

    pub(super) fn items_since(&self, group: &GroupKey, since: i64) -> Option<Vec<ItemEvent>> {
        let none = Stream::default();
        let stream = self.streams.get(group).unwrap_or(&none);
        if since < stream.forgotten || since > stream.last_offset {
            return None;
        }
        let event = |item: &StoredItem, action| ItemEvent {
            group: group.clone(),
            id: item.id.clone(),
            action,
            data: item.data.clone(),
            offset: item.offset,
        };
        let kept = stream.items.values().map(|item| match stream.created.get(&item.id) {
            Some(&created) if created > since => event(item, ItemAction::Create),
            _ => event(item, ItemAction::Update),
        });
        let gone = stream.deleted.values().map(|(item, _)| event(item, ItemAction::Delete));
        let mut events: Vec<ItemEvent> =
            kept.chain(gone).filter(|event| event.offset > since).collect();
        events.sort_by_key(|event| event.offset);
        Some(events)
    }

    /// Forgets deleted items, the oldest first and at most `limit`; returns how many.
    pub(super) fn sweep_deleted(&mut self, before: Millis, limit: usize) -> u64 {
        let mut over = Vec::new();
        for (group, stream) in &self.streams {
            let old = stream.deleted.iter().filter(|(_, (_, at))| *at < before);
            over.extend(old.map(|(id, (_, at))| (*at, group.clone(), id.clone())));
        }
        over.sort();
        over.truncate(limit);
        for (_, group, id) in &over {
            let Some(stream) = self.streams.get_mut(group) else { continue };
            let Some((item, _)) = stream.deleted.remove(id) else { continue };
            stream.forgotten = stream.forgotten.max(item.offset);
        }
        over.len() as u64
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
