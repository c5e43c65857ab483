//! Lanes: who waits for whom.

use motia_manifest::{StepName, TenantId};

use super::{Model, claim::Queued};
use crate::{Lane, LaneOrder};

/// A lane of a step.
#[derive(Debug, Clone)]
pub(super) struct StepLane {
    pub(super) tenant: TenantId,
    pub(super) step: StepName,
    pub(super) lane: Lane,
}

impl StepLane {
    pub(super) fn is_fifo(&self) -> bool {
        self.lane.order == LaneOrder::Fifo
    }

    fn has(&self, queued: &Queued) -> bool {
        queued.is_of(&self.tenant, &self.step)
            && queued.lane.as_ref().is_some_and(|lane| lane.key == self.lane.key)
    }
}

impl Model {
    /// The deliveries in a lane, by id.
    pub(super) fn in_lane(&self, lane: &StepLane) -> impl Iterator<Item = &Queued> {
        self.queue.values().filter(move |queued| lane.has(queued))
    }

    /// The dead letters that block a lane, by id.
    pub(super) fn blocking(&self, lane: &StepLane) -> impl Iterator<Item = i64> {
        let blocking = self.dead.iter().filter(|(_, buried)| buried.blocks);
        blocking.filter(move |(_, buried)| lane.has(&buried.queued)).map(|(id, _)| *id)
    }

    /// Whether the delivery with this id must wait in a fifo lane: for one before it, or for a dead letter.
    pub(super) fn must_wait(&self, lane: &StepLane, id: i64) -> bool {
        lane.is_fifo()
            && (self.in_lane(lane).any(|other| other.delivery.id < id)
                || self.blocking(lane).any(|letter| letter < id))
    }

    /// Makes the first parked delivery of a lane claimable, unless a dead letter before it blocks the lane.
    pub(super) fn unpark_next(&mut self, lane: &StepLane) {
        let next = self.in_lane(lane).find(|queued| queued.parked);
        let Some(id) = next.map(|queued| queued.delivery.id) else { return };
        let is_blocked = self.blocking(lane).any(|letter| letter < id);
        if let Some(next) = self.queue.get_mut(&id) {
            next.parked = is_blocked;
        }
    }

    /// Removes a delivery and lets the next one of its lane go on.
    pub(super) fn remove(&mut self, id: i64) -> Option<Queued> {
        let removed = self.queue.remove(&id)?;
        if let Some(lane) = removed.step_lane() {
            self.unpark_next(&lane);
        }
        Some(removed)
    }

    /// Removes deliveries and returns the ids of those that there were.
    pub(super) fn remove_all(&mut self, mut ids: Vec<i64>) -> Vec<i64> {
        ids.retain(|id| self.remove(*id).is_some());
        ids
    }
}
