//! Who has changed what by hand.

use motia_manifest::TenantId;
use rusqlite::Connection;

use super::limit_of;
use crate::{Audit, AuditEntry, StoreResult, audit::AUDITS_KEPT};

pub(super) fn add(connection: &Connection, entry: &AuditEntry) -> StoreResult<()> {
    connection
        .prepare_cached(
            "INSERT INTO audit (tenant, at, actor, action, subject, detail) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute((
            entry.tenant.as_str(),
            entry.at,
            &entry.actor,
            &entry.action,
            &entry.subject,
            &entry.detail,
        ))?;
    let forgotten = connection.last_insert_rowid() - AUDITS_KEPT;
    connection.prepare_cached("DELETE FROM audit WHERE id <= ?1")?.execute((forgotten,))?;
    Ok(())
}

pub(super) fn list(
    connection: &Connection,
    tenant: &TenantId,
    before: Option<i64>,
    limit: usize,
) -> StoreResult<Vec<Audit>> {
    let mut select = connection.prepare_cached(
        "SELECT id, at, actor, action, subject, detail FROM audit
         WHERE id < ?1 AND tenant = ?2 ORDER BY id DESC LIMIT ?3",
    )?;
    let values = (before.unwrap_or(i64::MAX), tenant.as_str(), limit_of(limit));
    let rows = select.query_map(values, |row| {
        Ok(Audit {
            id: row.get(0)?,
            at: row.get(1)?,
            actor: row.get(2)?,
            action: row.get(3)?,
            subject: row.get(4)?,
            detail: row.get(5)?,
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}
