//! Dead letters and how they are brought back.

use motia_manifest::{StepName, TenantId};

use super::{Model, claim::Queued};
use crate::{DeadLetter, DeadLetterFilter, Delivery, Millis, Redrive};

/// The priority of what is brought back.
const REDRIVEN: i32 = -1;

/// A delivery that will not be tried again by itself.
#[derive(Debug)]
pub(super) struct Buried {
    /// As it was last.
    pub(super) queued: Queued,
    /// Those behind it in its lane wait.
    pub(super) blocks: bool,
    pub(super) died_at: Millis,
}

/// A redrive that is not done.
#[derive(Debug)]
pub(super) struct Redriving {
    pub(super) redrive: Redrive,
    /// The last letter that it has moved: one that dies again is not moved again.
    pub(super) seen: i64,
}

impl Buried {
    fn letter(&self) -> DeadLetter {
        let delivery = self.queued.delivery.clone();
        let lane = self.queued.lane.clone().filter(|_| self.blocks);
        DeadLetter {
            id: delivery.id,
            event_id: delivery.event_id,
            tenant: delivery.tenant,
            step: delivery.step,
            kind: delivery.kind,
            topic: delivery.topic,
            data: delivery.data,
            headers: delivery.headers,
            trace_id: delivery.trace_id,
            message_group_id: delivery.message_group_id,
            blocks: lane.map(|lane| lane.key),
            errors: self.queued.errors.clone(),
            emitted_at: delivery.emitted_at,
            died_at: self.died_at,
        }
    }

    fn is_meant(&self, tenant: &TenantId, filter: &DeadLetterFilter) -> bool {
        let Delivery { id, step, topic, trace_id, .. } = &self.queued.delivery;
        let code = self.queued.errors.last().map(|error| &error.code);
        self.queued.is_for(tenant)
            && (filter.ids.is_empty() || filter.ids.contains(id))
            && filter.after.is_none_or(|after| *id > after)
            && filter.step.as_ref().is_none_or(|wanted| wanted == step)
            && filter.topic.as_ref().is_none_or(|wanted| wanted == topic)
            && filter.code.as_ref().is_none_or(|wanted| Some(wanted) == code)
            && filter.trace_id.as_ref().is_none_or(|wanted| wanted == trace_id)
            && filter.since.is_none_or(|since| self.died_at >= since)
            && filter.until.is_none_or(|until| self.died_at < until)
    }
}

impl Model {
    /// Dead letters by id.
    fn meant(&self, tenant: &TenantId, filter: &DeadLetterFilter) -> Vec<&Buried> {
        self.dead.values().filter(|buried| buried.is_meant(tenant, filter)).collect()
    }

    pub(super) fn dead_letters(
        &self,
        tenant: &TenantId,
        filter: &DeadLetterFilter,
        before: Option<i64>,
        limit: usize,
    ) -> Vec<DeadLetter> {
        let newest_first = self.meant(tenant, filter).into_iter().rev().map(Buried::letter);
        newest_first
            .filter(|letter| before.is_none_or(|before| letter.id < before))
            .take(limit)
            .collect()
    }

    pub(super) fn discard(
        &mut self,
        tenant: &TenantId,
        filter: &DeadLetterFilter,
        limit: usize,
    ) -> Vec<i64> {
        let meant = self.meant(tenant, filter).into_iter().take(limit);
        let ids: Vec<i64> = meant.map(|buried| buried.queued.delivery.id).collect();
        for id in &ids {
            if let Some(buried) = self.dead.remove(id) {
                self.unblock(&buried);
            }
        }
        ids
    }

    pub(super) fn redrive_some(&mut self, id: i64, limit: usize, now: Millis) -> Vec<StepName> {
        let Some(mut redriving) = self.redrives.remove(&id) else { return Vec::new() };
        let Redrive { tenant, filter, created_at, .. } = &redriving.redrive;
        let meant = self.meant(tenant, filter).into_iter();
        let dead_then = meant.filter(|buried| buried.died_at <= *created_at);
        let mut left: Vec<i64> = dead_then.map(|buried| buried.queued.delivery.id).collect();
        left.retain(|letter| *letter > redriving.seen);
        let later = left.split_off(limit.min(left.len()));
        redriving.seen = left.last().copied().unwrap_or(redriving.seen);
        redriving.redrive.moved += left.len() as u64;
        if !later.is_empty() {
            self.redrives.insert(id, redriving);
        }
        left.into_iter().filter_map(|letter| self.revive(letter, now)).collect()
    }

    /// Makes a dead letter a delivery again and returns its step.
    fn revive(&mut self, id: i64, now: Millis) -> Option<StepName> {
        let buried = self.dead.remove(&id)?;
        let old = &buried.queued;
        self.insert(Queued {
            delivery: Delivery { attempt: 0, expires_at: None, ..old.delivery.clone() },
            due_at: now,
            leased: false,
            parked: false,
            priority: REDRIVEN,
            lane: old.step_lane().filter(|lane| lane.is_fifo()).map(|lane| lane.lane),
            throttle_key: None,
            admitted: false,
            put_off: false,
            debounce_key: None,
            batch_key: None,
            first_emitted_at: old.first_emitted_at,
            errors: Vec::new(),
        });
        self.unblock(&buried);
        Some(buried.queued.delivery.step)
    }

    /// Lets those go on that waited for a dead letter.
    fn unblock(&mut self, buried: &Buried) {
        if let Some(lane) = buried.queued.step_lane()
            && buried.blocks
        {
            self.unpark_next(&lane);
        }
    }
}
