//! What people are shown of the queue.

use std::collections::BTreeSet;

use motia_manifest::{StepName, TenantId};

use super::{Model, claim::Queued};
use crate::{DeliveryFilter, DeliveryInfo, DeliveryState, Millis, QueueInfo};

impl Queued {
    fn state(&self, now: Millis) -> DeliveryState {
        if self.is_held(now) {
            DeliveryState::Leased
        } else if self.parked {
            DeliveryState::Parked
        } else if self.due_at <= now {
            DeliveryState::Ready
        } else if self.put_off {
            DeliveryState::Throttled
        } else if self.delivery.attempt > 0 {
            DeliveryState::Retrying
        } else {
            DeliveryState::Scheduled
        }
    }
}

impl Model {
    pub(super) fn deliveries(
        &self,
        tenant: &TenantId,
        filter: &DeliveryFilter,
        now: Millis,
    ) -> Vec<DeliveryInfo> {
        let of_tenant = self.queue.values().filter(|queued| queued.is_for(tenant));
        let is_meant = |info: &DeliveryInfo| {
            filter.step.as_ref().is_none_or(|step| *step == info.step)
                && filter.state.is_none_or(|state| state == info.state)
                && filter.event_id.is_none_or(|event_id| event_id == info.event_id)
                && filter.trace_id.as_ref().is_none_or(|trace_id| *trace_id == info.trace_id)
                && filter.after.is_none_or(|after| info.id > after)
        };
        let meant = of_tenant.map(|queued| self.info(queued, now)).filter(is_meant);
        meant.take(filter.limit).collect()
    }

    fn info(&self, queued: &Queued, now: Millis) -> DeliveryInfo {
        let delivery = queued.delivery.clone();
        DeliveryInfo {
            id: delivery.id,
            event_id: delivery.event_id,
            step: delivery.step,
            kind: delivery.kind,
            topic: delivery.topic,
            data: delivery.data,
            trace_id: delivery.trace_id,
            state: queued.state(now),
            due_at: queued.due_at,
            attempt: delivery.attempt,
            priority: queued.priority,
            lane: queued.lane.as_ref().map(|lane| lane.key.clone()),
            behind: self.behind(queued, now),
            last_error: queued.errors.last().cloned(),
            emitted_at: delivery.emitted_at,
        }
    }

    /// What is before a parked delivery in its fifo lane.
    fn behind(&self, queued: &Queued, now: Millis) -> Option<i64> {
        let lane = queued.step_lane().filter(|lane| lane.is_fifo())?;
        if queued.state(now) != DeliveryState::Parked {
            return None;
        }
        let ids = self.in_lane(&lane).map(|other| other.delivery.id);
        let letters = || self.blocking(&lane).filter(|id| *id < queued.delivery.id).max();
        ids.filter(|id| *id < queued.delivery.id).max().or_else(letters)
    }

    pub(super) fn queues(&self, tenant: &TenantId, now: Millis) -> Vec<QueueInfo> {
        let buried = self.dead.values().map(|buried| &buried.queued);
        let all = self.queue.values().chain(buried).filter(|queued| queued.is_for(tenant));
        let steps: BTreeSet<&StepName> = all.map(|queued| &queued.delivery.step).collect();
        steps.into_iter().map(|step| self.queue_of(tenant, step, now)).collect()
    }

    fn queue_of(&self, tenant: &TenantId, step: &StepName, now: Millis) -> QueueInfo {
        let of_step = self.queue.values().filter(|queued| queued.is_of(tenant, step));
        let of_step: Vec<&Queued> = of_step.collect();
        let count = |states: &[DeliveryState]| {
            of_step.iter().filter(|queued| states.contains(&queued.state(now))).count() as u64
        };
        let ready = of_step.iter().filter(|queued| queued.state(now) == DeliveryState::Ready);
        let dead = self.dead.values().filter(|buried| buried.queued.is_of(tenant, step));
        QueueInfo {
            step: step.clone(),
            ready: count(&[DeliveryState::Ready]),
            delayed: count(&[
                DeliveryState::Scheduled,
                DeliveryState::Throttled,
                DeliveryState::Retrying,
            ]),
            parked: count(&[DeliveryState::Parked]),
            leased: count(&[DeliveryState::Leased]),
            dead: dead.count() as u64,
            oldest_due_at: ready.map(|queued| queued.due_at).min(),
        }
    }
}
