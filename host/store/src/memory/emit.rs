//! Emitting: which deliveries an event gets.

use motia_manifest::{StepName, TenantId};

use super::{Expiring, Model, claim::Queued};
use crate::{Batch, Debounce, Delivery, Emitted, Millis, NewDelivery, NewEvent};

/// What a pace is counted for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct PaceKey {
    pub(super) of: PaceOf,
    pub(super) tenant: TenantId,
    pub(super) step: StepName,
    pub(super) key: String,
}

impl PaceKey {
    pub(super) fn is_throttle_of(&self, tenant: &TenantId, step: &StepName) -> bool {
        self.of == PaceOf::Throttle && self.tenant == *tenant && self.step == *step
    }
}

/// What keeps a pace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum PaceOf {
    RateLimit,
    Throttle,
}

impl Model {
    pub(super) fn emit(&mut self, event: &NewEvent, now: Millis) -> Emitted {
        if let Some(unique) = &event.unique {
            let name = (event.tenant.clone(), event.topic.clone(), unique.id.clone());
            if let Some(first) = self.uniques.get(&name)
                && first.expires_at > now
            {
                return Emitted { duplicate_of: Some(first.value), dropped: 0 };
            }
            let stored = Expiring { value: event.id, expires_at: unique.expires_at };
            self.uniques.insert(name, stored);
        }
        let mut emitted = Emitted::default();
        for new in &event.deliveries {
            if self.breaks_rate_limit(&event.tenant, new, now) {
                emitted.dropped += 1;
            } else {
                self.enqueue(event, new, now);
            }
        }
        emitted
    }

    /// Counts a delivery that does not.
    fn breaks_rate_limit(&mut self, tenant: &TenantId, new: &NewDelivery, now: Millis) -> bool {
        let Some(limit) = &new.rate_limit else { return false };
        let pace = PaceKey {
            of: PaceOf::RateLimit,
            tenant: tenant.clone(),
            step: new.step.clone(),
            key: limit.key.clone(),
        };
        let (time, arrival) = limit.rate.next(self.paces.get(&pace).copied(), now);
        if time > now {
            return true;
        }
        self.paces.insert(pace, arrival);
        false
    }

    fn enqueue(&mut self, event: &NewEvent, new: &NewDelivery, now: Millis) {
        let debounce = new.debounce.as_ref();
        let waiting = debounce.and_then(|debounce| self.waiting(event, new, debounce));
        if let Some(id) = waiting {
            return self.replace(id, event, new, now);
        }
        self.last_delivery += 1;
        self.insert(queued(self.last_delivery, event, new, now));
        if let Some(batch) = &new.batch {
            self.complete_batch(&event.tenant, &new.step, batch, now);
        }
    }

    /// The delivery that a debounced one replaces.
    fn waiting(&self, event: &NewEvent, new: &NewDelivery, debounce: &Debounce) -> Option<i64> {
        let mut waiting = self.queue.values().filter(|queued| queued.is_fresh());
        let same = waiting.find(|queued| {
            queued.is_of(&event.tenant, &new.step)
                && queued.debounce_key.as_ref() == Some(&debounce.key)
        });
        same.map(|queued| queued.delivery.id)
    }

    /// Puts an event in the place of the waiting one, whose lane it need not have.
    fn replace(&mut self, id: i64, event: &NewEvent, new: &NewDelivery, now: Millis) {
        let Some(old) = self.remove(id) else { return };
        let mut replacing = queued(id, event, new, now);
        replacing.delivery.lease_epoch = old.delivery.lease_epoch;
        replacing.first_emitted_at = old.first_emitted_at;
        replacing.batch_key = old.batch_key;
        if let Some(debounce) = &new.debounce {
            replacing.due_at = quiet_at(debounce, now, old.first_emitted_at);
        }
        self.insert(replacing);
    }

    /// Puts a delivery into the queue: parked, if others of its fifo lane are before it.
    pub(super) fn insert(&mut self, mut queued: Queued) {
        let id = queued.delivery.id;
        queued.parked = queued.step_lane().is_some_and(|lane| self.must_wait(&lane, id));
        self.queue.insert(id, queued);
    }

    /// Lets a batch go once there are enough that wait for company only.
    fn complete_batch(&mut self, tenant: &TenantId, step: &StepName, batch: &Batch, now: Millis) {
        let of_batch = self.queue.values_mut().filter(|queued| {
            queued.is_of(tenant, step)
                && queued.batch_key.as_ref() == Some(&batch.key)
                && queued.waits_for_company(batch.timeout_ms, now)
        });
        let mut waiting: Vec<&mut Queued> = of_batch.collect();
        if waiting.len() >= batch.size as usize {
            for queued in waiting.iter_mut().take(batch.size as usize) {
                queued.due_at = now;
            }
        }
    }
}

/// When it has been quiet for long enough, or the first of a burst has waited for long enough.
fn quiet_at(debounce: &Debounce, now: Millis, first_emitted_at: Millis) -> Millis {
    let quiet = now + debounce.period_ms;
    match debounce.max_wait_ms {
        Some(max_wait) => quiet.min(first_emitted_at + max_wait),
        None => quiet,
    }
}

/// A delivery that nobody has claimed yet.
fn queued(id: i64, event: &NewEvent, new: &NewDelivery, now: Millis) -> Queued {
    let debounced = new.debounce.as_ref().map(|debounce| quiet_at(debounce, now, now));
    let company = new.batch.as_ref().map_or(0, |batch| batch.timeout_ms);
    Queued {
        delivery: Delivery {
            id,
            event_id: event.id,
            lease_epoch: 0,
            tenant: event.tenant.clone(),
            step: new.step.clone(),
            kind: event.kind,
            topic: event.topic.clone(),
            data: event.data.clone(),
            headers: event.headers.clone(),
            trace_id: event.trace_id.clone(),
            message_group_id: event.message_group_id.clone(),
            depth: event.depth,
            cause: event.cause.clone(),
            attempt: 0,
            expires_at: new.expires_at,
            first_claimed_at: 0,
            emitted_at: now,
        },
        due_at: debounced.unwrap_or(new.due_at) + company,
        leased: false,
        parked: false,
        priority: new.priority,
        lane: new.lane.clone(),
        throttle_key: new.throttle_key.clone(),
        admitted: false,
        put_off: false,
        debounce_key: new.debounce.as_ref().map(|debounce| debounce.key.clone()),
        batch_key: new.batch.as_ref().map(|batch| batch.key.clone()),
        first_emitted_at: now,
        errors: Vec::new(),
    }
}
