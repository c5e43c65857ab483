//! What people look at: run on a connection of its own, so that a long list delays nobody.

use std::collections::BTreeMap;

use motia_manifest::{StepName, TenantId, TraceId};
use rusqlite::{Connection, OptionalExtension, Row, params_from_iter, types::Value};

use super::{dead_letters, limit_of, queue, unsigned};
use crate::{
    AttemptError, DeliveryFilter, DeliveryInfo, DeliveryState, Millis, QueueInfo, StoreResult,
};

/// What a delivery waits for; `?1` is the time.
const STATE_SQL: &str = "CASE
    WHEN lease_until > ?1 THEN 'leased'
    WHEN parked = 1 THEN 'parked'
    WHEN due_at <= ?1 THEN 'ready'
    WHEN admitted = 2 THEN 'throttled'
    WHEN attempt > 0 THEN 'retrying'
    ELSE 'scheduled' END";

fn state_of(word: &str) -> DeliveryState {
    match word {
        "leased" => DeliveryState::Leased,
        "parked" => DeliveryState::Parked,
        "throttled" => DeliveryState::Throttled,
        "retrying" => DeliveryState::Retrying,
        "scheduled" => DeliveryState::Scheduled,
        _ => DeliveryState::Ready,
    }
}

fn word_of(state: DeliveryState) -> &'static str {
    match state {
        DeliveryState::Leased => "leased",
        DeliveryState::Parked => "parked",
        DeliveryState::Throttled => "throttled",
        DeliveryState::Retrying => "retrying",
        DeliveryState::Scheduled => "scheduled",
        DeliveryState::Ready => "ready",
    }
}

/// A trace is looked for in so many of the newest deliveries: there is no index of traces.
const TRACED: i64 = 100_000;

pub(super) fn deliveries(
    connection: &Connection,
    tenant: &TenantId,
    filter: &DeliveryFilter,
    now: Millis,
) -> StoreResult<Vec<DeliveryInfo>> {
    // In the order of ids: without the sign, SQLite would read and sort all that the index of due deliveries has.
    let mut conditions = String::from("+delivery.tenant = ?2");
    let mut values = vec![Value::Integer(now), Value::Text(tenant.as_str().to_owned())];
    let mut add = |condition: &str, value: Value| {
        values.push(value);
        conditions.push_str(&format!(" AND {condition} ?{}", values.len()));
    };
    if let Some(step) = &filter.step {
        add("+step =", Value::Text(step.as_str().to_owned()));
    }
    if let Some(state) = filter.state {
        add(&format!("{STATE_SQL} ="), Value::Text(word_of(state).to_owned()));
    }
    if let Some(event_id) = filter.event_id {
        add("event_id =", Value::Integer(event_id));
    }
    if let Some(trace_id) = &filter.trace_id {
        add("trace_id =", Value::Text(trace_id.as_str().to_owned()));
        add("delivery.id > (SELECT max(id) FROM delivery) -", Value::Integer(TRACED));
    }
    if let Some(after) = filter.after {
        add("delivery.id >", Value::Integer(after));
    }
    let mut select = connection.prepare_cached(&format!(
        "SELECT delivery.id, event_id, step, kind, topic, data, trace_id, {STATE_SQL}, due_at, attempt, priority, lane,
                fifo, emitted_at
         FROM delivery JOIN event ON event.id = delivery.event_id
         WHERE {conditions} ORDER BY delivery.id LIMIT {}",
        limit_of(filter.limit),
    ))?;
    let mut infos = Vec::new();
    for row in select.query_map(params_from_iter(values), info)? {
        let (mut info, fifo) = row?;
        if fifo && info.state == DeliveryState::Parked {
            info.behind = behind(connection, tenant, &info)?;
        }
        info.last_error = last_error(connection, info.id)?;
        infos.push(info);
    }
    Ok(infos)
}

fn info(row: &Row<'_>) -> rusqlite::Result<(DeliveryInfo, bool)> {
    let info = DeliveryInfo {
        id: row.get(0)?,
        event_id: row.get(1)?,
        step: StepName::from(row.get::<_, String>(2)?),
        kind: queue::kind(row, 3)?,
        topic: row.get(4)?,
        data: row.get(5)?,
        trace_id: TraceId::from(row.get::<_, String>(6)?),
        state: state_of(row.get_ref(7)?.as_str()?),
        due_at: row.get(8)?,
        attempt: row.get(9)?,
        priority: row.get(10)?,
        lane: row.get(11)?,
        behind: None,
        last_error: None,
        emitted_at: row.get(13)?,
    };
    Ok((info, row.get(12)?))
}

/// The delivery or dead letter of its lane that is before it.
fn behind(
    connection: &Connection,
    tenant: &TenantId,
    info: &DeliveryInfo,
) -> StoreResult<Option<i64>> {
    let behind = connection
        .prepare_cached(
            "SELECT coalesce(
                 (SELECT max(id) FROM delivery WHERE tenant = ?1 AND step = ?2 AND lane = ?3 AND id < ?4),
                 (SELECT max(id) FROM dead_letter
                  WHERE tenant = ?1 AND step = ?2 AND lane = ?3 AND blocks = 1 AND id < ?4))",
        )?
        .query_row((tenant.as_str(), info.step.as_str(), info.lane.as_deref(), info.id), |row| {
            row.get(0)
        })?;
    Ok(behind)
}

fn last_error(connection: &Connection, delivery: i64) -> StoreResult<Option<AttemptError>> {
    let error = connection
        .prepare_cached(
            "SELECT error FROM attempt_error WHERE delivery_id = ?1 ORDER BY attempt DESC LIMIT 1",
        )?
        .query_row((delivery,), |row| row.get::<_, String>(0))
        .optional()?;
    error.map(|error| dead_letters::decode(&error)).transpose()
}

pub(super) fn queues(
    connection: &Connection,
    tenant: &TenantId,
    now: Millis,
) -> StoreResult<Vec<QueueInfo>> {
    let mut queues = BTreeMap::new();
    let mut select = connection.prepare_cached(
        "SELECT step,
                count(*) FILTER (WHERE parked = 0 AND due_at <= ?2 AND (lease_until IS NULL OR lease_until <= ?2)),
                count(*) FILTER (WHERE parked = 0 AND due_at > ?2 AND lease_until IS NULL),
                count(*) FILTER (WHERE parked = 1 AND (lease_until IS NULL OR lease_until <= ?2)),
                count(*) FILTER (WHERE lease_until > ?2),
                min(due_at) FILTER (WHERE parked = 0 AND due_at <= ?2)
         FROM delivery WHERE tenant = ?1 GROUP BY step",
    )?;
    let rows = select.query_map((tenant.as_str(), now), |row| {
        Ok(QueueInfo {
            step: StepName::from(row.get::<_, String>(0)?),
            ready: unsigned(row, 1)?,
            delayed: unsigned(row, 2)?,
            parked: unsigned(row, 3)?,
            leased: unsigned(row, 4)?,
            dead: 0,
            oldest_due_at: row.get(5)?,
        })
    })?;
    for row in rows {
        let queue = row?;
        queues.insert(queue.step.clone(), queue);
    }
    let mut select = connection
        .prepare_cached("SELECT step, count(*) FROM dead_letter WHERE tenant = ?1 GROUP BY step")?;
    let rows = select.query_map((tenant.as_str(),), |row| {
        Ok((StepName::from(row.get::<_, String>(0)?), unsigned(row, 1)?))
    })?;
    for row in rows {
        let (step, dead) = row?;
        let empty = || QueueInfo {
            step: step.clone(),
            ready: 0,
            delayed: 0,
            parked: 0,
            leased: 0,
            dead: 0,
            oldest_due_at: None,
        };
        queues.entry(step.clone()).or_insert_with(empty).dead = dead;
    }
    Ok(queues.into_values().collect())
}
