//! Answers to requests with an idempotency key.

use motia_manifest::{StepName, TenantId};
use rusqlite::{Connection, OptionalExtension};

use crate::{Answer, Millis, NewAnswer, StoreResult};

pub(super) fn get(
    connection: &Connection,
    tenant: &TenantId,
    step: &StepName,
    key: &str,
    now: Millis,
) -> StoreResult<Option<Answer>> {
    let answer = connection
        .prepare_cached(
            "SELECT fingerprint, response FROM answer
             WHERE tenant = ?1 AND step = ?2 AND key = ?3 AND expires_at > ?4",
        )?
        .query_row((tenant.as_str(), step.as_str(), key, now), |row| {
            Ok(Answer { fingerprint: row.get(0)?, response: row.get(1)? })
        })
        .optional()?;
    Ok(answer)
}

pub(super) fn put(connection: &Connection, new: &NewAnswer) -> StoreResult<()> {
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO answer (tenant, step, key, fingerprint, response, expires_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute((
            new.tenant.as_str(),
            new.step.as_str(),
            new.key.as_str(),
            new.answer.fingerprint.as_str(),
            new.answer.response.as_slice(),
            new.expires_at,
        ))?;
    Ok(())
}
