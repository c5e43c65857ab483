//! Events, deliveries and dead letters.
//!
//! A delivery can be claimed when its `due_at` has come. A claim moves `due_at` to the end of the lease,
//! so a delivery whose host died is due again by itself. A lease is held while `lease_until` is set and
//! nobody has counted `lease_epoch` on.

use motia_manifest::{StepName, TenantId, TraceId};
use rusqlite::{Connection, OptionalExtension, Row};

use super::{limit_of, unsigned};
use crate::{
    AttemptError, DeadLetter, Delivery, Json, Lease, Millis, NewEvent, QueueDepth, StoreError,
    StoreResult,
};

pub(super) fn emit(connection: &Connection, event: &NewEvent, now: Millis) -> StoreResult<()> {
    if event.deliveries.is_empty() {
        return Ok(());
    }
    let event_id = connection
        .prepare_cached(
            "INSERT INTO event (tenant, topic, data, trace_id, message_group_id, emitted_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .insert((
            event.tenant.as_str(),
            event.topic.as_str(),
            event.data.as_str(),
            event.trace_id.as_str(),
            event.message_group_id.as_deref(),
            now,
        ))?;
    let mut insert = connection.prepare_cached(
        "INSERT INTO delivery (event_id, tenant, step, due_at, message_group_id, created_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    for delivery in &event.deliveries {
        insert.execute((
            event_id,
            event.tenant.as_str(),
            delivery.step.as_str(),
            delivery.due_at,
            event.message_group_id.as_deref(),
            now,
        ))?;
    }
    Ok(())
}

pub(super) const DUE_SQL: &str = "SELECT due_at, id FROM delivery
     WHERE tenant = ?1 AND step = ?2 AND due_at <= ?3
     ORDER BY due_at, id LIMIT ?4";

/// Asks for the oldest ones of each step, because only within a step the index has them in order.
pub(super) fn claim(
    connection: &Connection,
    tenant: &TenantId,
    mut steps: Vec<StepName>,
    limit: usize,
    now: Millis,
    lease_until: Millis,
) -> StoreResult<Vec<Delivery>> {
    steps.sort();
    steps.dedup();
    let mut due: Vec<(Millis, i64)> = Vec::new();
    let mut select = connection.prepare_cached(DUE_SQL)?;
    for step in &steps {
        let rows = select
            .query_map((tenant.as_str(), step.as_str(), now, limit_of(limit)), |row| {
                Ok((row.get::<_, Millis>(0)?, row.get::<_, i64>(1)?))
            })?;
        for row in rows {
            due.push(row?);
        }
    }
    due.sort_unstable();
    due.truncate(limit);
    let mut claimed = Vec::with_capacity(due.len());
    for (_, id) in due {
        claimed.push(lease(connection, id, lease_until)?);
    }
    Ok(claimed)
}

fn lease(connection: &Connection, id: i64, lease_until: Millis) -> StoreResult<Delivery> {
    connection
        .prepare_cached(
            "UPDATE delivery SET lease_until = ?2, due_at = ?2, attempt = attempt + 1, lease_epoch = lease_epoch + 1
             WHERE id = ?1",
        )?
        .execute((id, lease_until))?;
    let delivery = connection
        .prepare_cached(
            "SELECT delivery.id, lease_epoch, delivery.tenant, step, topic, data, trace_id,
                    event.message_group_id, attempt, emitted_at
             FROM delivery JOIN event ON event.id = delivery.event_id WHERE delivery.id = ?1",
        )?
        .query_row((id,), delivery)?;
    Ok(delivery)
}

fn delivery(row: &Row<'_>) -> rusqlite::Result<Delivery> {
    Ok(Delivery {
        id: row.get(0)?,
        lease_epoch: row.get(1)?,
        tenant: TenantId::from(row.get::<_, String>(2)?),
        step: StepName::from(row.get::<_, String>(3)?),
        topic: row.get(4)?,
        data: row.get(5)?,
        trace_id: TraceId::from(row.get::<_, String>(6)?),
        message_group_id: row.get(7)?,
        attempt: row.get(8)?,
        emitted_at: row.get(9)?,
    })
}

/// Jumps through the index from step to step instead of reading all that waits.
pub(super) fn next_due(connection: &Connection, tenant: &TenantId) -> StoreResult<Option<Millis>> {
    let due_at = connection
        .prepare_cached(
            "WITH RECURSIVE waiting (step) AS (
                 SELECT min(delivery.step) FROM delivery WHERE delivery.tenant = ?1
                 UNION ALL
                 SELECT (SELECT min(delivery.step) FROM delivery
                         WHERE delivery.tenant = ?1 AND delivery.step > waiting.step)
                 FROM waiting WHERE waiting.step IS NOT NULL
             )
             SELECT min((SELECT min(delivery.due_at) FROM delivery
                         WHERE delivery.tenant = ?1 AND delivery.step = waiting.step))
             FROM waiting WHERE waiting.step IS NOT NULL",
        )?
        .query_row((tenant.as_str(),), |row| row.get::<_, Option<Millis>>(0))?;
    Ok(due_at)
}

/// Due since they were emitted: they keep their place before what came later.
pub(super) fn release_all(connection: &Connection) -> StoreResult<u64> {
    let released = connection
        .prepare_cached(
            "UPDATE delivery SET lease_until = NULL, due_at = created_at WHERE lease_until IS NOT NULL",
        )?
        .execute(())?;
    Ok(released as u64)
}

pub(super) fn release(connection: &Connection, lease: Lease, due_at: Millis) -> StoreResult<()> {
    let released = connection
        .prepare_cached(
            "UPDATE delivery SET lease_until = NULL, due_at = ?3, attempt = attempt - 1
             WHERE id = ?1 AND lease_epoch = ?2 AND lease_until IS NOT NULL",
        )?
        .execute((lease.delivery, lease.epoch, due_at))?;
    if released == 0 { Err(StoreError::StaleLease) } else { Ok(()) }
}

pub(super) fn complete(connection: &Connection, lease: Lease) -> StoreResult<()> {
    let held = held(connection, lease)?;
    remove(connection, lease.delivery, held.event_id)
}

pub(super) fn retry(
    connection: &Connection,
    lease: Lease,
    error: &AttemptError,
    retry_at: Millis,
) -> StoreResult<()> {
    let held = held(connection, lease)?;
    connection
        .prepare_cached(
            "INSERT INTO attempt_error (delivery_id, attempt, error) VALUES (?1, ?2, ?3)",
        )?
        .execute((lease.delivery, held.attempt, encode(error)?))?;
    connection
        .prepare_cached("UPDATE delivery SET lease_until = NULL, due_at = ?2 WHERE id = ?1")?
        .execute((lease.delivery, retry_at))?;
    Ok(())
}

pub(super) fn bury(connection: &Connection, lease: Lease, error: AttemptError) -> StoreResult<()> {
    let held = held(connection, lease)?;
    let died_at = error.failed_at;
    let mut errors = errors(connection, lease.delivery)?;
    errors.push(error);
    connection
        .prepare_cached(
            "INSERT INTO dead_letter (id, tenant, step, topic, data, trace_id, message_group_id, errors,
                                      emitted_at, died_at)
             SELECT delivery.id, delivery.tenant, step, topic, data, trace_id, event.message_group_id, ?2,
                    emitted_at, ?3
             FROM delivery JOIN event ON event.id = delivery.event_id WHERE delivery.id = ?1",
        )?
        .execute((lease.delivery, encode(&errors)?, died_at))?;
    remove(connection, lease.delivery, held.event_id)
}

struct Held {
    event_id: i64,
    attempt: i64,
}

fn held(connection: &Connection, lease: Lease) -> StoreResult<Held> {
    connection
        .prepare_cached(
            "SELECT event_id, attempt FROM delivery
             WHERE id = ?1 AND lease_epoch = ?2 AND lease_until IS NOT NULL",
        )?
        .query_row((lease.delivery, lease.epoch), |row| {
            Ok(Held { event_id: row.get(0)?, attempt: row.get(1)? })
        })
        .optional()?
        .ok_or(StoreError::StaleLease)
}

/// The last delivery of an event takes the event along.
fn remove(connection: &Connection, delivery: i64, event: i64) -> StoreResult<()> {
    connection
        .prepare_cached("DELETE FROM attempt_error WHERE delivery_id = ?1")?
        .execute((delivery,))?;
    connection.prepare_cached("DELETE FROM delivery WHERE id = ?1")?.execute((delivery,))?;
    connection
        .prepare_cached(
            "DELETE FROM event WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM delivery WHERE event_id = ?1)",
        )?
        .execute((event,))?;
    Ok(())
}

fn errors(connection: &Connection, delivery: i64) -> StoreResult<Vec<AttemptError>> {
    let mut select = connection.prepare_cached(
        "SELECT error FROM attempt_error WHERE delivery_id = ?1 ORDER BY attempt",
    )?;
    let rows = select.query_map((delivery,), |row| row.get::<_, String>(0))?;
    let mut errors = Vec::new();
    for row in rows {
        errors.push(decode(&row?)?);
    }
    Ok(errors)
}

pub(super) fn dead_letters(
    connection: &Connection,
    tenant: &TenantId,
    limit: usize,
) -> StoreResult<Vec<DeadLetter>> {
    let mut select = connection.prepare_cached(
        "SELECT id, tenant, step, topic, data, trace_id, message_group_id, errors, emitted_at, died_at
         FROM dead_letter WHERE tenant = ?1 ORDER BY died_at DESC, id DESC LIMIT ?2",
    )?;
    let rows = select.query_and_then((tenant.as_str(), limit_of(limit)), dead_letter)?;
    let mut letters = Vec::new();
    for row in rows {
        letters.push(row?);
    }
    Ok(letters)
}

fn dead_letter(row: &Row<'_>) -> StoreResult<DeadLetter> {
    Ok(DeadLetter {
        id: row.get(0)?,
        tenant: TenantId::from(row.get::<_, String>(1)?),
        step: StepName::from(row.get::<_, String>(2)?),
        topic: row.get(3)?,
        data: row.get(4)?,
        trace_id: TraceId::from(row.get::<_, String>(5)?),
        message_group_id: row.get(6)?,
        errors: decode(&row.get::<_, String>(7)?)?,
        emitted_at: row.get(8)?,
        died_at: row.get(9)?,
    })
}

pub(super) fn queue_depth(
    connection: &Connection,
    tenant: &TenantId,
    now: Millis,
) -> StoreResult<QueueDepth> {
    let depth = connection
        .prepare_cached(
            "SELECT count(*) FILTER (WHERE due_at <= ?2),
                    count(*) FILTER (WHERE due_at > ?2 AND lease_until IS NULL),
                    count(*) FILTER (WHERE due_at > ?2 AND lease_until IS NOT NULL),
                    (SELECT count(*) FROM dead_letter WHERE tenant = ?1)
             FROM delivery WHERE tenant = ?1",
        )?
        .query_row((tenant.as_str(), now), |row| {
            Ok(QueueDepth {
                ready: unsigned(row, 0)?,
                delayed: unsigned(row, 1)?,
                leased: unsigned(row, 2)?,
                dead: unsigned(row, 3)?,
            })
        })?;
    Ok(depth)
}

fn encode<T: serde::Serialize>(value: &T) -> StoreResult<Json> {
    serde_json::to_string(value)
        .map_err(|error| StoreError::Failed(format!("cannot write an attempt's error: {error}")))
}

fn decode<T: serde::de::DeserializeOwned>(text: &str) -> StoreResult<T> {
    serde_json::from_str(text)
        .map_err(|error| StoreError::Failed(format!("cannot read an attempt's error: {error}")))
}
