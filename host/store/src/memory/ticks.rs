//! Ticks of cron steps.

use motia_manifest::{StepName, TenantId};

use super::Model;
use crate::{Millis, NewEvent, Overlap, StoreError, StoreResult, Tick, sqlite::TICKS_KEPT};

impl Model {
    pub(super) fn take_tick(
        &mut self,
        event: &NewEvent,
        scheduled_at: Millis,
        overlap: Overlap,
        now: Millis,
    ) -> StoreResult<Tick> {
        let [delivery] = event.deliveries.as_slice() else {
            return Err(StoreError::Failed("a tick has one delivery".to_owned()));
        };
        let newest = self.last_tick(&event.tenant, &delivery.step);
        let is_forgotten = newest.is_some_and(|newest| newest - TICKS_KEPT > scheduled_at);
        let tick = (event.tenant.clone(), delivery.step.clone(), scheduled_at);
        if is_forgotten || !self.ticks.insert(tick) {
            return Ok(Tick::Known);
        }
        let of_step =
            self.queue.values().filter(|queued| queued.is_of(&event.tenant, &delivery.step));
        let left: Vec<i64> = of_step.map(|queued| queued.delivery.id).collect();
        let cancelled = match overlap {
            Overlap::Skip if !left.is_empty() => return Ok(Tick::Skipped),
            Overlap::Cancel => self.remove_all(left),
            Overlap::Allow | Overlap::Skip => Vec::new(),
        };
        self.emit(event, now);
        Ok(Tick::Taken { cancelled })
    }

    pub(super) fn last_tick(&self, tenant: &TenantId, step: &StepName) -> Option<Millis> {
        let of_step = self.ticks.iter().filter(|(owner, of, _)| owner == tenant && of == step);
        of_step.map(|(_, _, scheduled_at)| *scheduled_at).max()
    }
}
