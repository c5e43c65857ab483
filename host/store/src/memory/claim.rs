//! Claiming: which deliveries are due, and what else holds them back.

use std::cmp::Reverse;

use motia_manifest::{StepName, TenantId};

use super::{
    Model,
    emit::{PaceKey, PaceOf},
    lanes::StepLane,
};
use crate::{AttemptError, BatchClaim, ClaimRequest, Claimed, Delivery, Lane, Millis};

/// A claim looks at so many deliveries more than it may claim.
const LOOKED_AT: usize = 256;

/// A delivery that has not ended.
#[derive(Debug, Clone)]
pub(super) struct Queued {
    /// As a claim gives it.
    pub(super) delivery: Delivery,
    /// Of a leased one, when its lease runs out.
    pub(super) due_at: Millis,
    pub(super) leased: bool,
    pub(super) parked: bool,
    pub(super) priority: i32,
    pub(super) lane: Option<Lane>,
    pub(super) throttle_key: Option<String>,
    /// The throttle has counted it.
    pub(super) admitted: bool,
    /// Its time is the throttle's.
    pub(super) put_off: bool,
    pub(super) debounce_key: Option<String>,
    pub(super) batch_key: Option<String>,
    /// When it was emitted; of a debounced one, when the first of the burst was.
    pub(super) first_emitted_at: Millis,
    pub(super) errors: Vec<AttemptError>,
}

impl Queued {
    pub(super) fn is_for(&self, tenant: &TenantId) -> bool {
        self.delivery.tenant == *tenant
    }

    pub(super) fn is_of(&self, tenant: &TenantId, step: &StepName) -> bool {
        self.is_for(tenant) && self.delivery.step == *step
    }

    /// Whether it was never attempted.
    pub(super) fn is_fresh(&self) -> bool {
        self.delivery.attempt == 0 && !self.leased
    }

    /// Whether somebody has it whose lease has not run out.
    pub(super) fn is_held(&self, now: Millis) -> bool {
        self.leased && self.due_at > now
    }

    pub(super) fn waits_for_company(&self, timeout_ms: i64, now: Millis) -> bool {
        self.is_fresh() && self.due_at > now && self.due_at - timeout_ms <= now
    }

    pub(super) fn step_lane(&self) -> Option<StepLane> {
        let lane = self.lane.clone()?;
        let (tenant, step) = (self.delivery.tenant.clone(), self.delivery.step.clone());
        Some(StepLane { tenant, step, lane })
    }

    fn lease(&mut self, now: Millis, until: Millis) -> Delivery {
        if self.delivery.attempt == 0 {
            self.delivery.first_claimed_at = now;
        }
        self.delivery.attempt += 1;
        self.delivery.lease_epoch += 1;
        self.leased = true;
        self.put_off = false;
        self.due_at = until;
        self.delivery.clone()
    }
}

impl Model {
    pub(super) fn claim(&mut self, request: &ClaimRequest) -> Claimed {
        let mut claimed = Claimed::default();
        let mut looked_at = 0;
        for id in self.candidates(request) {
            if claimed.claims.len() == request.limit || looked_at == request.limit + LOOKED_AT {
                break;
            }
            if self.was_taken_along(id, request.now) {
                continue;
            }
            looked_at += 1;
            if !self.park(id, request) && !self.put_off(id, request) {
                claimed.claims.push(self.take(id, request));
            }
        }
        claimed.more =
            looked_at == request.limit + LOOKED_AT && claimed.claims.len() < request.limit;
        claimed.next_due = self.claimable(request).map(|queued| queued.due_at).min();
        claimed
    }

    fn claimable(&self, request: &ClaimRequest) -> impl Iterator<Item = &Queued> {
        self.queue
            .values()
            .filter(move |queued| queued.is_of(&request.tenant, &request.step) && !queued.parked)
    }

    fn candidates(&self, request: &ClaimRequest) -> Vec<i64> {
        let due = self.claimable(request).filter(|queued| queued.due_at <= request.now);
        let mut due: Vec<&Queued> = due.collect();
        due.sort_by_key(|queued| (Reverse(queued.priority), queued.due_at, queued.delivery.id));
        due.iter().map(|queued| queued.delivery.id).collect()
    }

    /// Whether a batch of the same claim has it.
    fn was_taken_along(&self, id: i64, now: Millis) -> bool {
        self.queue.get(&id).is_none_or(|queued| queued.is_held(now))
    }

    /// Parks a delivery if others of its lane hold it back.
    fn park(&mut self, id: i64, request: &ClaimRequest) -> bool {
        let Some(lane) = self.queue.get(&id).and_then(Queued::step_lane) else { return false };
        let held = self.in_lane(&lane).filter(|queued| queued.is_held(request.now)).count();
        let must_wait = if lane.is_fifo() {
            self.must_wait(&lane, id)
        } else {
            held >= request.lane_width as usize
        };
        if let Some(queued) = self.queue.get_mut(&id) {
            queued.parked = must_wait;
        }
        must_wait
    }

    /// Gives a delivery its time if the throttle has not admitted it yet; true if that is later than now.
    fn put_off(&mut self, id: i64, request: &ClaimRequest) -> bool {
        let Some(queued) = self.queue.get_mut(&id) else { return false };
        let (Some(rate), Some(key)) = (request.throttle, &queued.throttle_key) else {
            return false;
        };
        if queued.admitted || queued.delivery.attempt > 0 {
            return false;
        }
        let pace = PaceKey {
            of: PaceOf::Throttle,
            tenant: request.tenant.clone(),
            step: request.step.clone(),
            key: key.clone(),
        };
        let (time, arrival) = rate.next(self.paces.get(&pace).copied(), request.now);
        self.paces.insert(pace, arrival);
        queued.admitted = true;
        queued.put_off = time > request.now;
        if queued.put_off {
            queued.due_at = time;
        }
        queued.put_off
    }

    /// Claims a delivery, with its batch.
    fn take(&mut self, id: i64, request: &ClaimRequest) -> Vec<Delivery> {
        let mut ids = vec![id];
        if let Some(batch) = request.batch {
            ids.extend(self.company(id, batch, request));
            ids.sort_unstable();
        }
        let mut claim = Vec::new();
        for id in ids {
            if let Some(queued) = self.queue.get_mut(&id) {
                claim.push(queued.lease(request.now, request.lease_until));
            }
        }
        claim
    }

    /// Those that a delivery takes along.
    fn company(&self, id: i64, batch: BatchClaim, request: &ClaimRequest) -> Vec<i64> {
        let Some(key) = self.queue.get(&id).and_then(|queued| queued.batch_key.as_ref()) else {
            return Vec::new();
        };
        let company = self.claimable(request).filter(|queued| {
            queued.delivery.id != id
                && queued.batch_key.as_ref() == Some(key)
                && (queued.due_at <= request.now
                    || queued.waits_for_company(batch.timeout_ms, request.now))
        });
        let ids = company.map(|queued| queued.delivery.id);
        ids.take((batch.size as usize).saturating_sub(1)).collect()
    }

    /// They are due since they were emitted, so they keep their place before what came later.
    pub(super) fn release_all(&mut self) -> u64 {
        let mut released = 0;
        for queued in self.queue.values_mut().filter(|queued| queued.leased) {
            queued.leased = false;
            queued.due_at = queued.first_emitted_at;
            released += 1;
        }
        released
    }

    pub(super) fn unpark(&mut self, tenant: &TenantId, step: &StepName, limit: usize) -> u64 {
        let of_step = self.queue.values_mut().filter(|queued| queued.is_of(tenant, step));
        let mut unparked = 0;
        for queued in of_step.filter(|queued| queued.parked).take(limit) {
            queued.parked = false;
            unparked += 1;
        }
        unparked
    }

    /// The old pace is forgotten.
    pub(super) fn unthrottle(&mut self, tenant: &TenantId, step: &StepName, limit: usize) -> u64 {
        let of_step = self.queue.values_mut().filter(|queued| queued.is_of(tenant, step));
        let mut unthrottled = 0;
        for queued in of_step.filter(|queued| queued.put_off).take(limit) {
            queued.put_off = false;
            queued.admitted = false;
            queued.due_at = queued.first_emitted_at;
            unthrottled += 1;
        }
        self.paces.retain(|pace, _| !pace.is_throttle_of(tenant, step));
        unthrottled
    }
}
