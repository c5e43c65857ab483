//! What people look through, and what they have changed.

use motia_manifest::TenantId;

use super::{Model, values::Kept};
use crate::{
    Audit, AuditEntry, GroupKey, Json, PageFilter, StateEntry, StateGroup, StreamEntry,
    StreamGroup,
    audit::AUDITS_KEPT,
    browse::{Room, SHOWN_BYTES},
};

impl PageFilter {
    /// Whether a page has something with this name and value.
    fn has(&self, name: &str, value: Option<&Json>) -> bool {
        let found = self.needle().is_none_or(|needle| {
            let has_it = |text: &str| text.to_ascii_lowercase().contains(&needle);
            has_it(name) || value.is_some_and(|value| has_it(value))
        });
        found && self.after.as_deref().is_none_or(|after| name > after)
    }
}

/// A value that is not too long for a list.
fn shown(value: &Json) -> Option<&Json> {
    Some(value).filter(|value| value.len() <= SHOWN_BYTES)
}

impl Model {
    pub(super) fn state_groups(&self, tenant: &TenantId, page: &PageFilter) -> Vec<StateGroup> {
        let of_tenant = self.state.iter().filter(|(key, _)| key.tenant == *tenant);
        let shown = of_tenant.filter_map(|(key, values)| {
            let bytes = values.iter().map(|(key, kept)| key.len() + kept.value.len());
            Some(StateGroup {
                group_id: key.group.clone(),
                keys: values.len() as u64,
                bytes: bytes.sum::<usize>() as u64,
                updated_at: values.values().map(|kept| kept.updated_at).max()?,
            })
        });
        shown.filter(|group| page.has(&group.group_id, None)).take(page.limit).collect()
    }

    pub(super) fn state_entries(&self, group: &GroupKey, page: &PageFilter) -> Vec<StateEntry> {
        let values = self.state.get(group).into_iter().flatten();
        let found = values.filter(|(key, kept)| page.has(key, shown(&kept.value)));
        let mut room = Room::of_a_list();
        found
            .take(page.limit)
            .map(|(key, kept)| StateEntry {
                value: room.show(shown(&kept.value).cloned()),
                ..state_entry(key, kept)
            })
            .collect()
    }

    pub(super) fn state_entry(&self, group: &GroupKey, key: &str) -> Option<StateEntry> {
        Some(state_entry(key, self.state.get(group)?.get(key)?))
    }

    pub(super) fn stream_groups(
        &self,
        tenant: &TenantId,
        stream: &str,
        page: &PageFilter,
    ) -> Vec<StreamGroup> {
        let is_meant =
            |key: &GroupKey| key.tenant == *tenant && key.stream.as_deref() == Some(stream);
        let of_stream = self.streams.iter().filter(|(key, _)| is_meant(key));
        let shown = of_stream.filter_map(|(key, stream)| {
            let newest = stream.items.values().max_by_key(|item| item.offset)?;
            Some(StreamGroup {
                group_id: key.group.clone(),
                items: stream.items.len() as u64,
                offset: stream.last_offset,
                updated_at: stream.updated.get(&newest.id).copied()?,
            })
        });
        shown.filter(|group| page.has(&group.group_id, None)).take(page.limit).collect()
    }

    pub(super) fn stream_items(&self, group: &GroupKey, page: &PageFilter) -> Vec<StreamEntry> {
        let items = self.items(group).into_iter();
        let found = items.filter(|item| page.has(&item.id, shown(&item.data))).take(page.limit);
        let mut room = Room::of_a_list();
        found
            .filter_map(|item| {
                let entry = self.stream_item(group, &item.id)?;
                Some(StreamEntry { data: room.show(shown(&item.data).cloned()), ..entry })
            })
            .collect()
    }

    pub(super) fn stream_item(&self, group: &GroupKey, id: &str) -> Option<StreamEntry> {
        let stream = self.streams.get(group)?;
        let item = stream.items.get(id)?;
        Some(StreamEntry {
            id: item.id.clone(),
            data: Some(item.data.clone()),
            bytes: item.data.len() as u64,
            offset: item.offset,
            updated_at: stream.updated.get(id).copied()?,
        })
    }

    pub(super) fn stream_group_counts(&self, tenant: &TenantId) -> Vec<(String, u64)> {
        let mut counts: Vec<(String, u64)> = Vec::new();
        let with_items = self.streams.iter().filter(|(_, stream)| !stream.items.is_empty());
        for (key, _) in with_items.filter(|(key, _)| key.tenant == *tenant) {
            let name = key.stream.clone().unwrap_or_default();
            match counts.last_mut() {
                Some((last, count)) if *last == name => *count += 1,
                _ => counts.push((name, 1)),
            }
        }
        counts
    }

    pub(super) fn audit(&mut self, entry: AuditEntry) {
        let id = self.audits.last_key_value().map_or(1, |(last, _)| last + 1);
        self.audits.insert(id, entry);
        self.audits.remove(&(id - AUDITS_KEPT));
    }

    pub(super) fn audits(
        &self,
        tenant: &TenantId,
        before: Option<i64>,
        limit: usize,
    ) -> Vec<Audit> {
        let newest = self.audits.iter().rev().filter(|(_, entry)| entry.tenant == *tenant);
        let meant = newest.filter(|(id, _)| before.is_none_or(|before| **id < before));
        meant.take(limit).map(|(id, entry)| audit_of(*id, entry.clone())).collect()
    }
}

fn state_entry(key: &str, kept: &Kept) -> StateEntry {
    StateEntry {
        key: key.to_owned(),
        value: Some(kept.value.clone()),
        bytes: kept.value.len() as u64,
        updated_at: kept.updated_at,
    }
}

fn audit_of(id: i64, entry: AuditEntry) -> Audit {
    let AuditEntry { tenant: _, at, actor, action, subject, detail } = entry;
    Audit { id, at, actor, action, subject, detail }
}
