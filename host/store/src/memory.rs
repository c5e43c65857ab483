//! The store as a model: as simple as it can be, so that it is right at sight.
//!
//! It forgets everything with the process. Tests run the same operations on it and on the real store
//! and compare the answers; tests of other crates use it where the disk does not matter.

mod browse;
mod claim;
mod commit;
mod dead;
mod emit;
mod lanes;
mod show;
mod ticks;
mod values;

use std::{
    collections::{BTreeMap, BTreeSet},
    future::ready,
    sync::{Arc, Mutex, PoisonError},
};

use motia_manifest::{StepName, TenantId};

use self::{
    claim::Queued,
    dead::{Buried, Redriving},
    emit::PaceKey,
    values::{Kept, Stream},
};
use crate::{
    Answer, Audit, AuditEntry, ClaimRequest, Claimed, Commit, DeadLetter, DeadLetterFilter,
    DeliveryFilter, DeliveryInfo, Emitted, Entry, EventIds, GroupKey, ItemChange, ItemEvent,
    ItemSnapshot, Json, Millis, NewEvent, Overlap, PageFilter, QueueInfo, QueueSettings, Reaction,
    Redrive, SentEvent, StateEntry, StateGroup, Store, StoreEpoch, StoreFuture, StoreResult,
    StoredItem, StreamEntry, StreamFollower, StreamGroup, Tick, UpdateOp, live::News,
    pace::Arrival, sqlite::DELETED_KEPT_MS,
};

/// A [`Store`] in memory.
#[derive(Debug, Default)]
pub struct MemoryStore {
    event_ids: EventIds,
    model: Mutex<Model>,
}

#[derive(Debug, Default)]
struct Model {
    last_delivery: i64,
    queue: BTreeMap<i64, Queued>,
    dead: BTreeMap<i64, Buried>,
    last_redrive: i64,
    redrives: BTreeMap<i64, Redriving>,
    settings: BTreeMap<(TenantId, StepName), Json>,
    /// The event by tenant, topic and unique name.
    uniques: BTreeMap<(TenantId, String, String), Expiring<i64>>,
    /// The theoretical arrival times.
    paces: BTreeMap<PaceKey, Arrival>,
    ticks: BTreeSet<(TenantId, StepName, Millis)>,
    /// The answers by tenant, step and idempotency key.
    answers: BTreeMap<(TenantId, StepName, String), Expiring<Answer>>,
    state: BTreeMap<GroupKey, BTreeMap<String, Kept>>,
    streams: BTreeMap<GroupKey, Stream>,
    audits: BTreeMap<i64, AuditEntry>,
    news: News,
}

/// What is forgotten at some time.
#[derive(Debug)]
struct Expiring<T> {
    value: T,
    expires_at: Millis,
}

impl MemoryStore {
    fn with<T: Send + 'static>(
        &self,
        operation: impl FnOnce(&mut Model) -> StoreResult<T>,
    ) -> StoreFuture<'_, T> {
        let mut model = self.model.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = operation(&mut model);
        model.news.publish();
        Box::pin(ready(answer))
    }
}

impl Model {
    fn sweep(&mut self, now: Millis, dead_before: Millis, limit: usize) -> u64 {
        let died_at = |buried: &Buried| (!buried.blocks).then_some(buried.died_at);
        forget(&mut self.uniques, now, limit, |unique| Some(unique.expires_at))
            + forget(&mut self.answers, now, limit, |answer| Some(answer.expires_at))
            + forget(&mut self.paces, now * 1000, limit, |arrival| Some(*arrival))
            + forget(&mut self.dead, dead_before - 1, limit, died_at)
            + self.sweep_deleted(now - DELETED_KEPT_MS, limit)
    }
}

/// Forgets what ended at a time or before, the oldest first and at most `limit`, and returns how many.
fn forget<K: Ord + Clone, V>(
    map: &mut BTreeMap<K, V>,
    until: Millis,
    limit: usize,
    end: impl Fn(&V) -> Option<Millis>,
) -> u64 {
    let ends = map.iter().filter_map(|(key, value)| Some((end(value)?, key.clone())));
    let mut over: Vec<(Millis, K)> = ends.filter(|(end, _)| *end <= until).collect();
    over.sort();
    over.truncate(limit);
    for (_, key) in &over {
        map.remove(key);
    }
    over.len() as u64
}

impl Store for MemoryStore {
    fn event_ids(&self) -> &EventIds {
        &self.event_ids
    }

    fn epoch(&self) -> StoreEpoch {
        0
    }

    fn barrier(&self, _since: StoreEpoch) -> StoreFuture<'_, ()> {
        self.with(|_| Ok(()))
    }

    fn check_room(&self) -> StoreResult<()> {
        Ok(())
    }

    fn emit(&self, event: NewEvent, now: Millis) -> StoreFuture<'_, Emitted> {
        self.with(|model| Ok(model.emit(&event, now)))
    }

    fn claim(&self, request: ClaimRequest) -> StoreFuture<'_, Claimed> {
        self.with(|model| Ok(model.claim(&request)))
    }

    fn release_all(&self) -> StoreFuture<'_, u64> {
        self.with(|model| Ok(model.release_all()))
    }

    fn unpark(&self, tenant: TenantId, step: StepName, limit: usize) -> StoreFuture<'_, u64> {
        self.with(|model| Ok(model.unpark(&tenant, &step, limit)))
    }

    fn unthrottle(&self, tenant: TenantId, step: StepName, limit: usize) -> StoreFuture<'_, u64> {
        self.with(|model| Ok(model.unthrottle(&tenant, &step, limit)))
    }

    fn commit(&self, commit: Commit, now: Millis, _since: StoreEpoch) -> StoreFuture<'_, ()> {
        self.with(|model| model.commit(commit, now))
    }

    fn cancel(&self, tenant: TenantId, deliveries: Vec<i64>) -> StoreFuture<'_, Vec<i64>> {
        self.with(|model| {
            let of_tenant = |id: &i64| model.queue.get(id).is_some_and(|one| one.is_for(&tenant));
            let meant: Vec<i64> = deliveries.into_iter().filter(of_tenant).collect();
            Ok(model.remove_all(meant))
        })
    }

    fn cancel_event(&self, tenant: TenantId, event_id: i64) -> StoreFuture<'_, Vec<i64>> {
        self.with(|model| {
            let of_event = model.queue.values().filter(|queued| {
                queued.is_for(&tenant) && queued.delivery.event_id == event_id && queued.is_fresh()
            });
            let meant = of_event.map(|queued| queued.delivery.id).collect();
            Ok(model.remove_all(meant))
        })
    }

    fn deliveries(
        &self,
        tenant: TenantId,
        filter: DeliveryFilter,
        now: Millis,
    ) -> StoreFuture<'_, Vec<DeliveryInfo>> {
        self.with(|model| Ok(model.deliveries(&tenant, &filter, now)))
    }

    fn queues(&self, tenant: TenantId, now: Millis) -> StoreFuture<'_, Vec<QueueInfo>> {
        self.with(|model| Ok(model.queues(&tenant, now)))
    }

    fn dead_letters(
        &self,
        tenant: TenantId,
        filter: DeadLetterFilter,
        before: Option<i64>,
        limit: usize,
    ) -> StoreFuture<'_, Vec<DeadLetter>> {
        self.with(|model| Ok(model.dead_letters(&tenant, &filter, before, limit)))
    }

    fn discard(
        &self,
        tenant: TenantId,
        filter: DeadLetterFilter,
        limit: usize,
    ) -> StoreFuture<'_, Vec<i64>> {
        self.with(|model| Ok(model.discard(&tenant, &filter, limit)))
    }

    fn start_redrive(
        &self,
        tenant: TenantId,
        filter: DeadLetterFilter,
        per_second: u32,
        now: Millis,
    ) -> StoreFuture<'_, i64> {
        self.with(|model| {
            model.last_redrive += 1;
            let id = model.last_redrive;
            let redrive = Redrive { id, tenant, filter, per_second, moved: 0, created_at: now };
            model.redrives.insert(id, Redriving { redrive, seen: 0 });
            Ok(id)
        })
    }

    fn redrives(&self, tenant: TenantId) -> StoreFuture<'_, Vec<Redrive>> {
        self.with(|model| {
            let redrives = model.redrives.values().map(|redriving| redriving.redrive.clone());
            Ok(redrives.filter(|redrive| redrive.tenant == tenant).collect())
        })
    }

    fn redrive_some(&self, id: i64, limit: usize, now: Millis) -> StoreFuture<'_, Vec<StepName>> {
        self.with(|model| Ok(model.redrive_some(id, limit, now)))
    }

    fn stop_redrive(&self, tenant: TenantId, id: i64) -> StoreFuture<'_, bool> {
        self.with(|model| {
            let found = model.redrives.get(&id);
            let is_meant = found.is_some_and(|redriving| redriving.redrive.tenant == tenant);
            Ok(is_meant && model.redrives.remove(&id).is_some())
        })
    }

    fn queue_settings(&self, tenant: TenantId) -> StoreFuture<'_, Vec<QueueSettings>> {
        self.with(|model| {
            let of_tenant = model.settings.iter().filter(|((owner, _), _)| *owner == tenant);
            let shown = of_tenant.map(|((_, step), settings)| QueueSettings {
                step: step.clone(),
                settings: settings.clone(),
            });
            Ok(shown.collect())
        })
    }

    fn set_queue_settings(
        &self,
        tenant: TenantId,
        step: StepName,
        settings: Option<Json>,
    ) -> StoreFuture<'_, ()> {
        self.with(|model| {
            match settings {
                Some(settings) => model.settings.insert((tenant, step), settings),
                None => model.settings.remove(&(tenant, step)),
            };
            Ok(())
        })
    }

    fn take_tick(
        &self,
        event: NewEvent,
        scheduled_at: Millis,
        overlap: Overlap,
        now: Millis,
    ) -> StoreFuture<'_, Tick> {
        self.with(|model| model.take_tick(&event, scheduled_at, overlap, now))
    }

    fn last_tick(&self, tenant: TenantId, step: StepName) -> StoreFuture<'_, Option<Millis>> {
        self.with(|model| Ok(model.last_tick(&tenant, &step)))
    }

    fn answer(
        &self,
        tenant: TenantId,
        step: StepName,
        key: String,
        now: Millis,
    ) -> StoreFuture<'_, Option<Answer>> {
        self.with(|model| {
            let known = model.answers.get(&(tenant, step, key));
            Ok(known.filter(|known| known.expires_at > now).map(|known| known.value.clone()))
        })
    }

    fn sweep(&self, now: Millis, dead_before: Millis, limit: usize) -> StoreFuture<'_, u64> {
        self.with(|model| Ok(model.sweep(now, dead_before, limit)))
    }

    fn state_get(&self, group: GroupKey, key: String) -> StoreFuture<'_, Option<Json>> {
        self.with(|model| Ok(model.value(&group, &key)))
    }

    fn state_set(
        &self,
        group: GroupKey,
        key: String,
        value: Json,
        reaction: Option<Reaction>,
        now: Millis,
    ) -> StoreFuture<'_, Option<Json>> {
        self.with(|model| Ok(model.set_value(&group, &key, value, reaction.as_ref(), now)))
    }

    fn state_delete(
        &self,
        group: GroupKey,
        key: String,
        reaction: Option<Reaction>,
        now: Millis,
    ) -> StoreFuture<'_, Option<Json>> {
        self.with(|model| Ok(model.delete_value(&group, &key, reaction.as_ref(), now)))
    }

    fn state_group(&self, group: GroupKey, max_bytes: usize) -> StoreFuture<'_, Vec<Entry>> {
        self.with(|model| {
            let entries = model.entries(&group);
            let size = |entry: &Entry| entry.key.len() + entry.value.len();
            values::check_group_size(&group, entries.iter().map(size).sum(), max_bytes)?;
            Ok(entries)
        })
    }

    fn state_clear(
        &self,
        group: GroupKey,
        reaction: Option<Reaction>,
        now: Millis,
    ) -> StoreFuture<'_, u64> {
        self.with(|model| Ok(model.clear_values(&group, reaction.as_ref(), now)))
    }

    fn state_update(
        &self,
        group: GroupKey,
        key: String,
        ops: Vec<UpdateOp>,
        max_bytes: usize,
        reaction: Option<Reaction>,
        now: Millis,
    ) -> StoreFuture<'_, Json> {
        self.with(|model| {
            let new = values::updated(model.value(&group, &key), &ops, max_bytes)?;
            model.set_value(&group, &key, new.clone(), reaction.as_ref(), now);
            Ok(new)
        })
    }

    fn item_get(&self, group: GroupKey, id: String) -> StoreFuture<'_, Option<StoredItem>> {
        self.with(|model| Ok(model.item(&group, &id)))
    }

    fn item_set(
        &self,
        group: GroupKey,
        id: String,
        data: Json,
        reaction: Option<Reaction>,
        now: Millis,
    ) -> StoreFuture<'_, ItemChange> {
        self.with(|model| Ok(model.set_item(&group, &id, data, reaction.as_ref(), now)))
    }

    fn item_delete(
        &self,
        group: GroupKey,
        id: String,
        reaction: Option<Reaction>,
        now: Millis,
    ) -> StoreFuture<'_, ItemChange> {
        self.with(|model| Ok(model.delete_item(&group, &id, reaction.as_ref(), now)))
    }

    fn item_group(&self, group: GroupKey, max_bytes: usize) -> StoreFuture<'_, Vec<StoredItem>> {
        self.with(|model| {
            let items = model.items(&group);
            let size = |item: &StoredItem| item.id.len() + item.data.len();
            values::check_group_size(&group, items.iter().map(size).sum(), max_bytes)?;
            Ok(items)
        })
    }

    fn follow_streams(&self, follower: Arc<dyn StreamFollower>) {
        self.model.lock().unwrap_or_else(PoisonError::into_inner).news.follow(follower);
    }

    fn item_send(&self, event: SentEvent) -> StoreFuture<'_, ()> {
        self.with(|model| {
            model.news.sent(event);
            Ok(())
        })
    }

    fn item_snapshot(
        &self,
        group: GroupKey,
        id: Option<String>,
        max_bytes: usize,
    ) -> StoreFuture<'_, ItemSnapshot> {
        self.with(|model| {
            let snapshot = model.item_snapshot(&group, id.as_deref());
            let size = |item: &StoredItem| item.id.len() + item.data.len();
            // One item is never too large.
            let bytes = snapshot.items.iter().map(size).sum();
            values::check_group_size(&group, if id.is_some() { 0 } else { bytes }, max_bytes)?;
            Ok(snapshot)
        })
    }

    fn items_since(
        &self,
        group: GroupKey,
        since: i64,
        max_bytes: usize,
    ) -> StoreFuture<'_, Option<Vec<ItemEvent>>> {
        self.with(|model| {
            let size = |event: &ItemEvent| event.id.len() + event.data.len();
            let events = model.items_since(&group, since);
            Ok(events.filter(|events| events.iter().map(size).sum::<usize>() <= max_bytes))
        })
    }

    fn state_groups(&self, tenant: TenantId, page: PageFilter) -> StoreFuture<'_, Vec<StateGroup>> {
        self.with(|model| Ok(model.state_groups(&tenant, &page)))
    }

    fn state_entries(&self, group: GroupKey, page: PageFilter) -> StoreFuture<'_, Vec<StateEntry>> {
        self.with(|model| Ok(model.state_entries(&group, &page)))
    }

    fn state_entry(&self, group: GroupKey, key: String) -> StoreFuture<'_, Option<StateEntry>> {
        self.with(|model| Ok(model.state_entry(&group, &key)))
    }

    fn stream_groups(
        &self,
        tenant: TenantId,
        stream: String,
        page: PageFilter,
    ) -> StoreFuture<'_, Vec<StreamGroup>> {
        self.with(|model| Ok(model.stream_groups(&tenant, &stream, &page)))
    }

    fn stream_items(&self, group: GroupKey, page: PageFilter) -> StoreFuture<'_, Vec<StreamEntry>> {
        self.with(|model| Ok(model.stream_items(&group, &page)))
    }

    fn stream_item(&self, group: GroupKey, id: String) -> StoreFuture<'_, Option<StreamEntry>> {
        self.with(|model| Ok(model.stream_item(&group, &id)))
    }

    fn stream_group_counts(&self, tenant: TenantId) -> StoreFuture<'_, Vec<(String, u64)>> {
        self.with(|model| Ok(model.stream_group_counts(&tenant)))
    }

    fn audit(&self, entry: AuditEntry) -> StoreFuture<'_, ()> {
        self.with(|model| {
            model.audit(entry);
            Ok(())
        })
    }

    fn audits(
        &self,
        tenant: TenantId,
        before: Option<i64>,
        limit: usize,
    ) -> StoreFuture<'_, Vec<Audit>> {
        self.with(|model| Ok(model.audits(&tenant, before, limit)))
    }
}
