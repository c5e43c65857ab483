//! The store as a model: as simple as it can be, so that it is right at sight.
//!
//! It forgets everything with the process. Tests run the same operations on it and on the real store
//! and compare the answers; tests of other crates use it where the disk does not matter.

use std::{
    collections::{BTreeMap, BTreeSet},
    future::ready,
    sync::{Mutex, PoisonError},
};

use motia_manifest::{StepName, TenantId};

use crate::{
    AttemptError, DeadLetter, Delivery, Entry, GroupKey, ItemChange, Json, Lease, Millis, NewEvent,
    QueueDepth, Store, StoreError, StoreFuture, StoreResult, StoredItem, UpdateOp, apply_update,
    sqlite::TICKS_KEPT,
    update::{check_value_size, group_too_large},
};

/// A [`Store`] in memory.
#[derive(Debug, Default)]
pub struct MemoryStore {
    model: Mutex<Model>,
}

#[derive(Debug, Default)]
struct Model {
    last_delivery: i64,
    deliveries: BTreeMap<i64, Queued>,
    dead: BTreeMap<i64, DeadLetter>,
    ticks: BTreeSet<(TenantId, StepName, Millis)>,
    state: BTreeMap<(TenantId, String), BTreeMap<String, Json>>,
    streams: BTreeMap<(TenantId, String, String), Stream>,
}

#[derive(Debug)]
struct Queued {
    delivery: Delivery,
    due_at: Millis,
    leased: bool,
    created_at: Millis,
    errors: Vec<AttemptError>,
}

#[derive(Debug, Default)]
struct Stream {
    last_offset: i64,
    items: BTreeMap<String, StoredItem>,
}

impl MemoryStore {
    fn with<T: Send + 'static>(
        &self,
        operation: impl FnOnce(&mut Model) -> StoreResult<T>,
    ) -> StoreFuture<'_, T> {
        let mut model = self.model.lock().unwrap_or_else(PoisonError::into_inner);
        Box::pin(ready(operation(&mut model)))
    }
}

impl Model {
    fn held(&mut self, lease: Lease) -> StoreResult<&mut Queued> {
        match self.deliveries.get_mut(&lease.delivery) {
            Some(queued) if queued.leased && queued.delivery.lease_epoch == lease.epoch => {
                Ok(queued)
            }
            _ => Err(StoreError::StaleLease),
        }
    }

    fn values(&mut self, group: GroupKey) -> &mut BTreeMap<String, Json> {
        self.state.entry((group.tenant, group.group)).or_default()
    }

    fn stream(&mut self, group: GroupKey) -> &mut Stream {
        self.streams
            .entry((group.tenant, group.stream.unwrap_or_default(), group.group))
            .or_default()
    }
}

impl Store for MemoryStore {
    fn barrier(&self) -> StoreFuture<'_, ()> {
        self.with(|_| Ok(()))
    }

    fn emit(&self, event: NewEvent, now: Millis) -> StoreFuture<'_, ()> {
        self.with(|model| {
            for new in event.deliveries {
                model.last_delivery += 1;
                let delivery = Delivery {
                    id: model.last_delivery,
                    lease_epoch: 0,
                    tenant: event.tenant.clone(),
                    step: new.step,
                    topic: event.topic.clone(),
                    data: event.data.clone(),
                    trace_id: event.trace_id.clone(),
                    message_group_id: event.message_group_id.clone(),
                    attempt: 0,
                    emitted_at: now,
                };
                let queued = Queued {
                    delivery,
                    due_at: new.due_at,
                    leased: false,
                    created_at: now,
                    errors: Vec::new(),
                };
                model.deliveries.insert(model.last_delivery, queued);
            }
            Ok(())
        })
    }

    fn claim(
        &self,
        tenant: TenantId,
        steps: Vec<StepName>,
        limit: usize,
        now: Millis,
        lease_until: Millis,
    ) -> StoreFuture<'_, Vec<Delivery>> {
        self.with(|model| {
            let mut due: Vec<&mut Queued> = model
                .deliveries
                .values_mut()
                .filter(|queued| queued.delivery.tenant == tenant)
                .filter(|queued| steps.contains(&queued.delivery.step))
                .filter(|queued| queued.due_at <= now)
                .collect();
            due.sort_by_key(|queued| (queued.due_at, queued.delivery.id));
            due.truncate(limit);
            let mut claimed = Vec::new();
            for queued in due {
                queued.due_at = lease_until;
                queued.leased = true;
                queued.delivery.attempt += 1;
                queued.delivery.lease_epoch += 1;
                claimed.push(queued.delivery.clone());
            }
            Ok(claimed)
        })
    }

    fn next_due(&self, tenant: TenantId) -> StoreFuture<'_, Option<Millis>> {
        self.with(|model| {
            let of_tenant =
                model.deliveries.values().filter(|queued| queued.delivery.tenant == tenant);
            Ok(of_tenant.map(|queued| queued.due_at).min())
        })
    }

    fn release_all(&self) -> StoreFuture<'_, u64> {
        self.with(|model| {
            let mut released = 0;
            for queued in model.deliveries.values_mut().filter(|queued| queued.leased) {
                queued.leased = false;
                queued.due_at = queued.created_at;
                released += 1;
            }
            Ok(released)
        })
    }

    fn release(&self, lease: Lease, due_at: Millis) -> StoreFuture<'_, ()> {
        self.with(|model| {
            let queued = model.held(lease)?;
            queued.leased = false;
            queued.due_at = due_at;
            queued.delivery.attempt -= 1;
            Ok(())
        })
    }

    fn complete(&self, lease: Lease) -> StoreFuture<'_, ()> {
        self.with(|model| {
            model.held(lease)?;
            model.deliveries.remove(&lease.delivery);
            Ok(())
        })
    }

    fn retry(&self, lease: Lease, error: AttemptError, retry_at: Millis) -> StoreFuture<'_, ()> {
        self.with(|model| {
            let queued = model.held(lease)?;
            queued.leased = false;
            queued.due_at = retry_at;
            queued.errors.push(error);
            Ok(())
        })
    }

    fn bury(&self, lease: Lease, error: AttemptError) -> StoreFuture<'_, ()> {
        self.with(|model| {
            let queued = model.held(lease)?;
            let died_at = error.failed_at;
            queued.errors.push(error);
            let delivery = queued.delivery.clone();
            let letter = DeadLetter {
                id: delivery.id,
                tenant: delivery.tenant,
                step: delivery.step,
                topic: delivery.topic,
                data: delivery.data,
                trace_id: delivery.trace_id,
                message_group_id: delivery.message_group_id,
                errors: queued.errors.clone(),
                emitted_at: delivery.emitted_at,
                died_at,
            };
            model.deliveries.remove(&lease.delivery);
            model.dead.insert(lease.delivery, letter);
            Ok(())
        })
    }

    fn dead_letters(&self, tenant: TenantId, limit: usize) -> StoreFuture<'_, Vec<DeadLetter>> {
        self.with(|model| {
            let of_tenant = model.dead.values().filter(|letter| letter.tenant == tenant);
            let mut letters: Vec<DeadLetter> = of_tenant.cloned().collect();
            letters.sort_by_key(|letter| (letter.died_at, letter.id));
            letters.reverse();
            letters.truncate(limit);
            Ok(letters)
        })
    }

    fn queue_depth(&self, tenant: TenantId, now: Millis) -> StoreFuture<'_, QueueDepth> {
        self.with(|model| {
            let mut depth = QueueDepth::default();
            for queued in
                model.deliveries.values().filter(|queued| queued.delivery.tenant == tenant)
            {
                if queued.due_at <= now {
                    depth.ready += 1;
                } else if queued.leased {
                    depth.leased += 1;
                } else {
                    depth.delayed += 1;
                }
            }
            depth.dead =
                model.dead.values().filter(|letter| letter.tenant == tenant).count() as u64;
            Ok(depth)
        })
    }

    fn take_tick(
        &self,
        tenant: TenantId,
        step: StepName,
        scheduled_at: Millis,
    ) -> StoreFuture<'_, bool> {
        self.with(|model| {
            let of_step = model.ticks.iter().filter(|tick| tick.0 == tenant && tick.1 == step);
            let newest = of_step.map(|tick| tick.2).max();
            if newest.is_some_and(|newest| newest > scheduled_at.saturating_add(TICKS_KEPT)) {
                return Ok(false);
            }
            Ok(model.ticks.insert((tenant, step, scheduled_at)))
        })
    }

    fn state_get(&self, group: GroupKey, key: String) -> StoreFuture<'_, Option<Json>> {
        self.with(|model| Ok(model.values(group).get(&key).cloned()))
    }

    fn state_set(
        &self,
        group: GroupKey,
        key: String,
        value: Json,
    ) -> StoreFuture<'_, Option<Json>> {
        self.with(|model| Ok(model.values(group).insert(key, value)))
    }

    fn state_delete(&self, group: GroupKey, key: String) -> StoreFuture<'_, Option<Json>> {
        self.with(|model| Ok(model.values(group).remove(&key)))
    }

    fn state_group(&self, group: GroupKey, max_bytes: usize) -> StoreFuture<'_, Vec<Entry>> {
        self.with(|model| {
            let name = group.group.clone();
            let values = model.values(group);
            let bytes: usize = values.iter().map(|(key, value)| key.len() + value.len()).sum();
            if bytes > max_bytes {
                return Err(group_too_large(&name, max_bytes));
            }
            let entry =
                |(key, value): (&String, &Json)| Entry { key: key.clone(), value: value.clone() };
            Ok(values.iter().map(entry).collect())
        })
    }

    fn state_clear(&self, group: GroupKey) -> StoreFuture<'_, u64> {
        self.with(|model| Ok(std::mem::take(model.values(group)).len() as u64))
    }

    fn state_update(
        &self,
        group: GroupKey,
        key: String,
        ops: Vec<UpdateOp>,
        max_bytes: usize,
    ) -> StoreFuture<'_, Json> {
        self.with(|model| {
            let values = model.values(group);
            let new = apply_update(values.get(&key).map(String::as_str), &ops)?;
            check_value_size(&new, max_bytes)?;
            values.insert(key, new.clone());
            Ok(new)
        })
    }

    fn item_get(&self, group: GroupKey, id: String) -> StoreFuture<'_, Option<StoredItem>> {
        self.with(|model| Ok(model.stream(group).items.get(&id).cloned()))
    }

    fn item_set(&self, group: GroupKey, id: String, data: Json) -> StoreFuture<'_, ItemChange> {
        self.with(|model| {
            let stream = model.stream(group);
            stream.last_offset += 1;
            let offset = stream.last_offset;
            let old = stream.items.insert(id.clone(), StoredItem { id, data, offset });
            Ok(ItemChange { old: old.map(|item| item.data), offset })
        })
    }

    fn item_delete(&self, group: GroupKey, id: String) -> StoreFuture<'_, ItemChange> {
        self.with(|model| {
            let stream = model.stream(group);
            let Some(old) = stream.items.remove(&id) else {
                return Ok(ItemChange { old: None, offset: 0 });
            };
            stream.last_offset += 1;
            Ok(ItemChange { old: Some(old.data), offset: stream.last_offset })
        })
    }

    fn item_group(&self, group: GroupKey, max_bytes: usize) -> StoreFuture<'_, Vec<StoredItem>> {
        self.with(|model| {
            let name = group.group.clone();
            let items = &model.stream(group).items;
            let bytes: usize = items.values().map(|item| item.id.len() + item.data.len()).sum();
            if bytes > max_bytes {
                return Err(group_too_large(&name, max_bytes));
            }
            Ok(items.values().cloned().collect())
        })
    }
}
