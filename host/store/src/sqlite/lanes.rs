//! Lanes: deliveries of one step that hold each other back. Those that must wait are parked, so that no claim
//! looks at them twice; whoever ends makes room for the first of them.

use rusqlite::Connection;

use crate::{Millis, StoreResult};

/// Whether a delivery of a fifo lane with this id has others before it.
pub(super) fn must_wait(
    connection: &Connection,
    tenant: &str,
    step: &str,
    lane: &str,
    id: i64,
) -> StoreResult<bool> {
    let before = connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM delivery
                            WHERE tenant = ?1 AND step = ?2 AND lane = ?3 AND parked = 0 AND id < ?4)
                 OR EXISTS (SELECT 1 FROM delivery
                            WHERE tenant = ?1 AND step = ?2 AND lane = ?3 AND parked = 1 AND id < ?4)
                 OR EXISTS (SELECT 1 FROM dead_letter
                            WHERE tenant = ?1 AND step = ?2 AND lane = ?3 AND blocks = 1 AND id < ?4)",
        )?
        .query_row((tenant, step, lane, id), |row| row.get(0))?;
    Ok(before)
}

/// How many deliveries of a lane are being attempted.
pub(super) fn leased(
    connection: &Connection,
    tenant: &str,
    step: &str,
    lane: &str,
    now: Millis,
) -> StoreResult<u32> {
    let leased = connection
        .prepare_cached(
            "SELECT count(*) FROM delivery
             WHERE tenant = ?1 AND step = ?2 AND lane = ?3 AND lease_until IS NOT NULL AND lease_until > ?4",
        )?
        .query_row((tenant, step, lane, now), |row| row.get(0))?;
    Ok(leased)
}

/// Lets the first parked delivery of a lane go on, unless a dead letter blocks it.
pub(super) fn make_room(
    connection: &Connection,
    tenant: &str,
    step: &str,
    lane: &str,
) -> StoreResult<()> {
    connection
        .prepare_cached(
            "UPDATE delivery SET parked = 0
             WHERE id = (SELECT min(id) FROM delivery
                         WHERE tenant = ?1 AND step = ?2 AND lane = ?3 AND parked = 1)
               AND NOT EXISTS (SELECT 1 FROM dead_letter
                               WHERE tenant = ?1 AND step = ?2 AND lane = ?3 AND blocks = 1
                                 AND dead_letter.id < delivery.id)",
        )?
        .execute((tenant, step, lane))?;
    Ok(())
}
