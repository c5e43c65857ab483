//! Dead letters: how deliveries become them, and deliveries again.

use motia_manifest::{StepName, TenantId, TraceId};
use rusqlite::{Connection, OptionalExtension, Row, params_from_iter, types::Value};

use super::{commit::Held, lanes, limit_of, queue, unsigned};
use crate::{
    AttemptError, DeadLetter, DeadLetterFilter, Json, Millis, Redrive, StoreError, StoreResult,
};

/// Redriven deliveries let those that are new go first.
const REDRIVE_PRIORITY: i32 = -1;

pub(super) fn bury(
    connection: &Connection,
    delivery: &Held,
    error: AttemptError,
    blocks: bool,
) -> StoreResult<()> {
    let died_at = error.failed_at;
    let code = error.code.clone();
    let mut errors = errors(connection, delivery.id)?;
    errors.push(error);
    connection
        .prepare_cached(
            "INSERT INTO dead_letter (id, event_id, tenant, step, kind, topic, data, headers, trace_id, message_group_id,
                                      depth, cause, lease_epoch, lane, fifo, blocks, errors, code, emitted_at,
                                      created_at, died_at)
             SELECT delivery.id, event.id, delivery.tenant, step, kind, topic, data, headers, trace_id, message_group_id,
                    depth, cause, lease_epoch, lane, fifo, ?2, ?3, ?4, emitted_at, created_at, ?5
             FROM delivery JOIN event ON event.id = delivery.event_id WHERE delivery.id = ?1",
        )?
        .execute((delivery.id, blocks, encode(&errors)?, code, died_at))?;
    delivery.remove(connection)
}

pub(super) fn errors(connection: &Connection, delivery: i64) -> StoreResult<Vec<AttemptError>> {
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

/// The conditions of a filter and their values.
struct Conditions {
    sql: String,
    values: Vec<Value>,
}

impl Conditions {
    fn of(tenant: &TenantId, filter: &DeadLetterFilter) -> Self {
        let mut conditions =
            Self { sql: "tenant = ?".to_owned(), values: vec![text(tenant.as_str())] };
        if !filter.ids.is_empty() {
            // Not a parameter each, of which there may be only so many.
            let ids: Vec<String> = filter.ids.iter().map(i64::to_string).collect();
            let ids = Value::Text(format!("[{}]", ids.join(",")));
            conditions.add("id IN (SELECT value FROM json_each(?))", ids);
        }
        let texts = [
            ("step", filter.step.as_ref().map(StepName::as_str)),
            ("topic", filter.topic.as_deref()),
            ("code", filter.code.as_deref()),
            ("trace_id", filter.trace_id.as_ref().map(TraceId::as_str)),
        ];
        for (column, value) in texts {
            if let Some(value) = value {
                conditions.add(&format!("{column} = ?"), text(value));
            }
        }
        if let Some(after) = filter.after {
            conditions.add("id > ?", Value::Integer(after));
        }
        if let Some(since) = filter.since {
            conditions.add("died_at >= ?", Value::Integer(since));
        }
        if let Some(until) = filter.until {
            conditions.add("died_at < ?", Value::Integer(until));
        }
        conditions
    }

    fn add(&mut self, condition: &str, value: Value) {
        self.sql.push_str(" AND ");
        self.sql.push_str(condition);
        self.values.push(value);
    }
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

pub(super) fn list(
    connection: &Connection,
    tenant: &TenantId,
    filter: &DeadLetterFilter,
    before: Option<i64>,
    limit: usize,
) -> StoreResult<Vec<DeadLetter>> {
    let mut conditions = Conditions::of(tenant, filter);
    if let Some(before) = before {
        conditions.add("id < ?", Value::Integer(before));
    }
    let mut select = connection.prepare_cached(&format!(
        "SELECT id, event_id, tenant, step, kind, topic, data, headers, trace_id, message_group_id, lane, blocks, errors,
                emitted_at, died_at
         FROM dead_letter WHERE {} ORDER BY id DESC LIMIT {}",
        conditions.sql,
        limit_of(limit),
    ))?;
    let rows = select.query_and_then(params_from_iter(conditions.values), letter)?;
    rows.collect()
}

fn letter(row: &Row<'_>) -> StoreResult<DeadLetter> {
    let blocks: bool = row.get(11)?;
    Ok(DeadLetter {
        id: row.get(0)?,
        event_id: row.get(1)?,
        tenant: TenantId::from(row.get::<_, String>(2)?),
        step: StepName::from(row.get::<_, String>(3)?),
        kind: queue::kind(row, 4)?,
        topic: row.get(5)?,
        data: row.get(6)?,
        headers: row.get(7)?,
        trace_id: TraceId::from(row.get::<_, String>(8)?),
        message_group_id: row.get(9)?,
        blocks: row.get::<_, Option<String>>(10)?.filter(|_| blocks),
        errors: decode(&row.get::<_, String>(12)?)?,
        emitted_at: row.get(13)?,
        died_at: row.get(14)?,
    })
}

/// What moving a letter must know.
struct Found {
    id: i64,
    tenant: String,
    step: String,
    lane: Option<String>,
    fifo: bool,
    blocks: bool,
}

fn find(connection: &Connection, conditions: Conditions, limit: usize) -> StoreResult<Vec<Found>> {
    let mut select = connection.prepare_cached(&format!(
        "SELECT id, tenant, step, lane, fifo, blocks FROM dead_letter WHERE {} ORDER BY id LIMIT {}",
        conditions.sql,
        limit_of(limit),
    ))?;
    let rows = select.query_map(params_from_iter(conditions.values), |row| {
        Ok(Found {
            id: row.get(0)?,
            tenant: row.get(1)?,
            step: row.get(2)?,
            lane: row.get(3)?,
            fifo: row.get(4)?,
            blocks: row.get(5)?,
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

impl Found {
    fn remove(&self, connection: &Connection) -> StoreResult<()> {
        connection.prepare_cached("DELETE FROM dead_letter WHERE id = ?1")?.execute((self.id,))?;
        match &self.lane {
            Some(lane) if self.blocks => {
                lanes::make_room(connection, &self.tenant, &self.step, lane)
            }
            _ => Ok(()),
        }
    }

    /// A delivery again, in the place that it had in its lane.
    fn revive(&self, connection: &Connection, now: Millis) -> StoreResult<()> {
        let lane = self.lane.as_deref().filter(|_| self.fifo);
        let parked = match lane {
            Some(lane) => lanes::must_wait(connection, &self.tenant, &self.step, lane, self.id)?,
            None => false,
        };
        connection
            .prepare_cached(
                "INSERT OR IGNORE INTO event (id, tenant, topic, data, trace_id, message_group_id, emitted_at, kind, headers,
                                              depth, cause)
                 SELECT event_id, tenant, topic, data, trace_id, message_group_id, emitted_at, kind, headers, depth, cause
                 FROM dead_letter WHERE id = ?1",
            )?
            .execute((self.id,))?;
        connection
            .prepare_cached(
                "INSERT INTO delivery (id, event_id, tenant, step, due_at, priority, created_at, lease_epoch, parked, lane, fifo)
                 SELECT id, event_id, tenant, step, ?2, ?3, created_at, lease_epoch, ?4, ?5, ?6 FROM dead_letter WHERE id = ?1",
            )?
            .execute((self.id, now, REDRIVE_PRIORITY, parked, lane, lane.is_some()))?;
        self.remove(connection)
    }
}

pub(super) fn discard(
    connection: &Connection,
    tenant: &TenantId,
    filter: &DeadLetterFilter,
    limit: usize,
) -> StoreResult<Vec<i64>> {
    let found = find(connection, Conditions::of(tenant, filter), limit)?;
    for letter in &found {
        letter.remove(connection)?;
    }
    Ok(found.iter().map(|letter| letter.id).collect())
}

pub(super) fn start_redrive(
    connection: &Connection,
    tenant: &TenantId,
    filter: &DeadLetterFilter,
    per_second: u32,
    now: Millis,
) -> StoreResult<i64> {
    let id = connection
        .prepare_cached(
            "INSERT INTO redrive (tenant, filter, per_second, created_at) VALUES (?1, ?2, ?3, ?4)",
        )?
        .insert((tenant.as_str(), encode(filter)?, per_second, now))?;
    Ok(id)
}

pub(super) fn redrives(connection: &Connection, tenant: &TenantId) -> StoreResult<Vec<Redrive>> {
    let mut select = connection.prepare_cached(
        "SELECT id, tenant, filter, per_second, moved, created_at FROM redrive WHERE tenant = ?1 ORDER BY id",
    )?;
    let rows = select.query_and_then((tenant.as_str(),), |row| -> StoreResult<Redrive> {
        Ok(Redrive {
            id: row.get(0)?,
            tenant: TenantId::from(row.get::<_, String>(1)?),
            filter: decode(&row.get::<_, String>(2)?)?,
            per_second: row.get(3)?,
            moved: unsigned(row, 4)?,
            created_at: row.get(5)?,
        })
    })?;
    rows.collect()
}

pub(super) fn redrive_some(
    connection: &Connection,
    id: i64,
    limit: usize,
    now: Millis,
) -> StoreResult<Vec<StepName>> {
    let job = connection
        .prepare_cached("SELECT tenant, filter, created_at, seen FROM redrive WHERE id = ?1")?
        .query_row((id,), |row| {
            Ok((
                row.get::<_, String>(0)?,
                row.get::<_, String>(1)?,
                row.get::<_, Millis>(2)?,
                row.get::<_, i64>(3)?,
            ))
        })
        .optional()?;
    let Some((tenant, filter, created_at, seen)) = job else { return Ok(Vec::new()) };
    let mut conditions = Conditions::of(&TenantId::from(tenant), &decode(&filter)?);
    conditions.add("died_at <= ?", Value::Integer(created_at));
    conditions.add("id > ?", Value::Integer(seen));
    // One more than is moved says whether any is left.
    let mut found = find(connection, conditions, limit.saturating_add(1))?;
    let done = found.len() <= limit;
    found.truncate(limit);
    for letter in &found {
        letter.revive(connection, now)?;
    }
    let last = found.last().map_or(seen, |letter| letter.id);
    if done {
        connection.prepare_cached("DELETE FROM redrive WHERE id = ?1")?.execute((id,))?;
    } else {
        connection
            .prepare_cached("UPDATE redrive SET moved = moved + ?2, seen = ?3 WHERE id = ?1")?
            .execute((id, limit_of(found.len()), last))?;
    }
    Ok(found.into_iter().map(|letter| StepName::from(letter.step)).collect())
}

pub(super) fn stop_redrive(
    connection: &Connection,
    tenant: &TenantId,
    id: i64,
) -> StoreResult<bool> {
    let stopped = connection
        .prepare_cached("DELETE FROM redrive WHERE id = ?1 AND tenant = ?2")?
        .execute((id, tenant.as_str()))?;
    Ok(stopped > 0)
}

pub(super) fn encode<T: serde::Serialize>(value: &T) -> StoreResult<Json> {
    serde_json::to_string(value)
        .map_err(|error| StoreError::Failed(format!("cannot write JSON: {error}")))
}

pub(super) fn decode<T: serde::de::DeserializeOwned>(text: &str) -> StoreResult<T> {
    serde_json::from_str(text)
        .map_err(|error| StoreError::Failed(format!("cannot read JSON: {error}")))
}
