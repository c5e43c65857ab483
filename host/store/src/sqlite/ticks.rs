//! Cron ticks: which of them somebody has taken.

use motia_manifest::{StepName, TenantId};
use rusqlite::Connection;

use crate::{Millis, StoreResult};

/// Ticks are forgotten when they are so much older than the newest one of their step.
pub(crate) const TICKS_KEPT: Millis = 30 * 24 * 60 * 60 * 1000;

/// A tick that is older than what is remembered counts as taken.
pub(super) fn take(
    connection: &Connection,
    tenant: &TenantId,
    step: &StepName,
    scheduled_at: Millis,
) -> StoreResult<bool> {
    let taken = connection
        .prepare_cached(
            "INSERT INTO cron_tick (tenant, step, scheduled_at)
             SELECT ?1, ?2, ?3
             WHERE NOT EXISTS (SELECT 1 FROM cron_tick WHERE tenant = ?1 AND step = ?2 AND scheduled_at > ?4)
             ON CONFLICT DO NOTHING",
        )?
        .execute((tenant.as_str(), step.as_str(), scheduled_at, scheduled_at.saturating_add(TICKS_KEPT)))?;
    if taken == 0 {
        return Ok(false);
    }
    connection
        .prepare_cached(
            "DELETE FROM cron_tick WHERE tenant = ?1 AND step = ?2 AND scheduled_at < ?3",
        )?
        .execute((tenant.as_str(), step.as_str(), scheduled_at.saturating_sub(TICKS_KEPT)))?;
    Ok(true)
}
