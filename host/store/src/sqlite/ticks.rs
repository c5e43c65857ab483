//! Cron ticks: each is stored as an event once.

use motia_manifest::{StepName, TenantId};
use rusqlite::{Connection, OptionalExtension};

use super::{commit, limit_of, queue};
use crate::{Millis, NewEvent, Overlap, StoreError, StoreResult, Tick};

/// Ticks are forgotten when they are so much older than the newest one of their step.
pub(crate) const TICKS_KEPT: Millis = 30 * 24 * 60 * 60 * 1000;

pub(super) fn take(
    connection: &Connection,
    event: &NewEvent,
    scheduled_at: Millis,
    overlap: Overlap,
    now: Millis,
) -> StoreResult<Tick> {
    let [delivery] = event.deliveries.as_slice() else {
        return Err(StoreError::Failed("a tick is for one step".to_owned()));
    };
    let (tenant, step) = (&event.tenant, &delivery.step);
    if !is_new(connection, tenant, step, scheduled_at)? {
        return Ok(Tick::Known);
    }
    let mut cancelled = Vec::new();
    match overlap {
        Overlap::Allow => {}
        Overlap::Skip if is_busy(connection, tenant, step)? => return Ok(Tick::Skipped),
        Overlap::Skip => {}
        Overlap::Cancel => {
            let ids = deliveries(connection, tenant, step)?;
            cancelled = commit::cancel(connection, tenant.as_str(), &ids)?;
        }
    }
    queue::emit(connection, event, now)?;
    Ok(Tick::Taken { cancelled })
}

/// Remembers a tick; false if it is remembered already, or older than what is.
fn is_new(
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
        .execute((
            tenant.as_str(),
            step.as_str(),
            scheduled_at,
            scheduled_at.saturating_add(TICKS_KEPT),
        ))?;
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

fn is_busy(connection: &Connection, tenant: &TenantId, step: &StepName) -> StoreResult<bool> {
    Ok(!ids(connection, tenant, step, 1)?.is_empty())
}

fn deliveries(
    connection: &Connection,
    tenant: &TenantId,
    step: &StepName,
) -> StoreResult<Vec<i64>> {
    ids(connection, tenant, step, usize::MAX)
}

fn ids(
    connection: &Connection,
    tenant: &TenantId,
    step: &StepName,
    limit: usize,
) -> StoreResult<Vec<i64>> {
    let mut select = connection.prepare_cached(
        "SELECT id FROM delivery WHERE tenant = ?1 AND step = ?2 ORDER BY id LIMIT ?3",
    )?;
    let rows =
        select.query_map((tenant.as_str(), step.as_str(), limit_of(limit)), |row| row.get(0))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

pub(super) fn last(
    connection: &Connection,
    tenant: &TenantId,
    step: &StepName,
) -> StoreResult<Option<Millis>> {
    let last = connection
        .prepare_cached("SELECT max(scheduled_at) FROM cron_tick WHERE tenant = ?1 AND step = ?2")?
        .query_row((tenant.as_str(), step.as_str()), |row| row.get::<_, Option<Millis>>(0))
        .optional()?;
    Ok(last.flatten())
}
