//! Forgets what has expired, some at a time.

use rusqlite::Connection;

use super::{limit_of, streams};
use crate::{Millis, StoreResult};

/// Deleted stream items are remembered for those who come back for so long: 24 hours.
pub(crate) const DELETED_KEPT_MS: Millis = 24 * 60 * 60 * 1000;

pub(super) fn sweep(
    connection: &Connection,
    now: Millis,
    dead_before: Millis,
    limit: usize,
) -> StoreResult<u64> {
    let limit = limit_of(limit);
    let expired = [
        (
            "DELETE FROM pace WHERE (tenant, step, kind, key) IN
                 (SELECT tenant, step, kind, key FROM pace WHERE arrival <= ?1 ORDER BY arrival LIMIT ?2)",
            now * 1000,
        ),
        (
            "DELETE FROM event_name WHERE (tenant, topic, name) IN
                 (SELECT tenant, topic, name FROM event_name WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2)",
            now,
        ),
        (
            "DELETE FROM answer WHERE rowid IN
                 (SELECT rowid FROM answer WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2)",
            now,
        ),
        (
            "DELETE FROM dead_letter WHERE id IN
                 (SELECT id FROM dead_letter WHERE died_at < ?1 AND blocks = 0 ORDER BY died_at LIMIT ?2)",
            dead_before,
        ),
    ];
    let mut swept = streams::sweep(connection, now - DELETED_KEPT_MS, limit)?;
    for (sql, until) in expired {
        swept += connection.prepare_cached(sql)?.execute((until, limit))? as u64;
    }
    Ok(swept)
}
