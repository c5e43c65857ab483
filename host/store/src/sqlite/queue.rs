//! Events and deliveries: what is stored, and what can be claimed.
//!
//! A delivery can be claimed when its `due_at` has come and it is not parked. A claim moves `due_at` to
//! the end of the lease, so a delivery whose host died is due again by itself. A lease is held while
//! `lease_until` is set and nobody has counted `lease_epoch` on.

use std::collections::HashSet;

use motia_manifest::{StepName, TenantId, TraceId};
use rusqlite::{Connection, OptionalExtension, Row};

use super::{lanes, limit_of, pace};
use crate::{
    Batch, BatchClaim, ClaimRequest, Claimed, Debounce, Delivery, Emitted, EventKind, LaneOrder,
    Millis, NewDelivery, NewEvent, StoreResult,
};

/// So many deliveries are looked at beyond those that are claimed: what must wait is put aside for good,
/// and the writer is free for others in between.
const LOOKED_AT: usize = 256;

pub(super) fn emit(connection: &Connection, event: &NewEvent, now: Millis) -> StoreResult<Emitted> {
    if let Some(duplicate_of) = take_name(connection, event, now)? {
        return Ok(Emitted { duplicate_of: Some(duplicate_of), dropped: 0 });
    }
    let mut emitted = Emitted::default();
    let mut stored = false;
    for delivery in &event.deliveries {
        if !within_rate(connection, event, delivery, now)? {
            emitted.dropped += 1;
            continue;
        }
        if !stored {
            insert_event(connection, event, now)?;
            stored = true;
        }
        insert(connection, event, delivery, now)?;
    }
    Ok(emitted)
}

/// The event that has the name already; otherwise this one has it from now on.
fn take_name(connection: &Connection, event: &NewEvent, now: Millis) -> StoreResult<Option<i64>> {
    let Some(unique) = &event.unique else { return Ok(None) };
    let key = (event.tenant.as_str(), event.topic.as_str(), unique.id.as_str());
    let known = connection
        .prepare_cached(
            "SELECT event_id FROM event_name WHERE tenant = ?1 AND topic = ?2 AND name = ?3 AND expires_at > ?4",
        )?
        .query_row((key.0, key.1, key.2, now), |row| row.get(0))
        .optional()?;
    if known.is_none() {
        connection
            .prepare_cached(
                "INSERT OR REPLACE INTO event_name (tenant, topic, name, event_id, expires_at)
                 VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute((key.0, key.1, key.2, event.id, unique.expires_at))?;
    }
    Ok(known)
}

fn within_rate(
    connection: &Connection,
    event: &NewEvent,
    delivery: &NewDelivery,
    now: Millis,
) -> StoreResult<bool> {
    let Some(limit) = &delivery.rate_limit else { return Ok(true) };
    let key = pace::Key {
        tenant: event.tenant.as_str(),
        step: delivery.step.as_str(),
        kind: "rate",
        key: &limit.key,
    };
    let (time, arrival) = limit.rate.next(pace::arrival(connection, &key)?, now);
    if time > now {
        return Ok(false);
    }
    pace::set(connection, &key, arrival)?;
    Ok(true)
}

fn insert_event(connection: &Connection, event: &NewEvent, now: Millis) -> StoreResult<()> {
    connection
        .prepare_cached(
            "INSERT INTO event (id, tenant, topic, data, trace_id, message_group_id, emitted_at, kind, headers, depth, cause)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        )?
        .execute((
            event.id,
            event.tenant.as_str(),
            event.topic.as_str(),
            event.data.as_str(),
            event.trace_id.as_str(),
            event.message_group_id.as_deref(),
            now,
            event.kind.name(),
            event.headers.as_deref(),
            event.depth,
            event.cause.as_deref(),
        ))?;
    Ok(())
}

fn insert(
    connection: &Connection,
    event: &NewEvent,
    delivery: &NewDelivery,
    now: Millis,
) -> StoreResult<()> {
    let mut due_at = delivery.due_at;
    if let Some(debounce) = &delivery.debounce {
        if replace_waiting(connection, event, delivery, debounce, now)? {
            return Ok(());
        }
        due_at = debounced_until(debounce, now, now);
    }
    if let Some(batch) = &delivery.batch {
        due_at += batch.timeout_ms;
    }
    let fifo = is_fifo(delivery);
    let lane = delivery.lane.as_ref().map(|lane| lane.key.as_str());
    let (tenant, step) = (event.tenant.as_str(), delivery.step.as_str());
    let parked = match lane {
        Some(lane) if fifo => lanes::must_wait(connection, tenant, step, lane, i64::MAX)?,
        _ => false,
    };
    connection
        .prepare_cached(
            "INSERT INTO delivery (event_id, tenant, step, due_at, priority, created_at, parked, lane, fifo,
                                   throttle_key, debounce_key, batch_key, expires_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
        )?
        .execute((
            event.id,
            tenant,
            step,
            due_at,
            delivery.priority,
            now,
            parked,
            lane,
            fifo,
            delivery.throttle_key.as_deref(),
            delivery.debounce.as_ref().map(|debounce| debounce.key.as_str()),
            delivery.batch.as_ref().map(|batch| batch.key.as_str()),
            delivery.expires_at,
        ))?;
    match &delivery.batch {
        Some(batch) => complete_batch(connection, tenant, step, batch, now),
        None => Ok(()),
    }
}

fn is_fifo(delivery: &NewDelivery) -> bool {
    delivery.lane.as_ref().is_some_and(|lane| lane.order == LaneOrder::Fifo)
}

fn debounced_until(debounce: &Debounce, first: Millis, now: Millis) -> Millis {
    let quiet = now + debounce.period_ms;
    debounce.max_wait_ms.map_or(quiet, |longest| quiet.min(first + longest))
}

/// Puts an event in the place of the one that waits for the end of the burst; false if none does.
fn replace_waiting(
    connection: &Connection,
    event: &NewEvent,
    delivery: &NewDelivery,
    debounce: &Debounce,
    now: Millis,
) -> StoreResult<bool> {
    let waiting = connection
        .prepare_cached(
            "SELECT id, event_id, created_at, lane FROM delivery
             WHERE tenant = ?1 AND step = ?2 AND debounce_key = ?3 AND lease_until IS NULL AND attempt = 0
             ORDER BY id LIMIT 1",
        )?
        .query_row((event.tenant.as_str(), delivery.step.as_str(), debounce.key.as_str()), |row| {
            Ok((
                row.get::<_, i64>(0)?,
                row.get::<_, i64>(1)?,
                row.get::<_, Millis>(2)?,
                row.get::<_, Option<String>>(3)?,
            ))
        })
        .optional()?;
    let Some((id, replaced, since, lane)) = waiting else { return Ok(false) };
    connection
        .prepare_cached(
            "UPDATE delivery SET event_id = ?2, due_at = ?3, priority = ?4, lane = ?5, fifo = ?6, parked = 0,
                                 throttle_key = ?7, admitted = 0, expires_at = ?8
             WHERE id = ?1",
        )?
        .execute((
            id,
            event.id,
            debounced_until(debounce, since, now),
            delivery.priority,
            delivery.lane.as_ref().map(|lane| lane.key.as_str()),
            is_fifo(delivery),
            delivery.throttle_key.as_deref(),
            delivery.expires_at,
        ))?;
    remove_event(connection, replaced)?;
    if let Some(lane) = lane {
        lanes::make_room(connection, event.tenant.as_str(), delivery.step.as_str(), &lane)?;
    }
    Ok(true)
}

/// Makes the oldest of a batch due at once when there are enough of them.
fn complete_batch(
    connection: &Connection,
    tenant: &str,
    step: &str,
    batch: &Batch,
    now: Millis,
) -> StoreResult<()> {
    // In the order of ids, SQLite would look at all that wait: those of a batch that is not complete are few.
    let mut select = connection.prepare_cached(
        "SELECT id FROM delivery
         WHERE tenant = ?1 AND step = ?2 AND batch_key = ?3 AND attempt = 0 AND lease_until IS NULL
           AND due_at > ?4 AND due_at <= ?5
         ORDER BY +id LIMIT ?6",
    )?;
    let company = (tenant, step, batch.key.as_str(), now, now + batch.timeout_ms, batch.size);
    let ids: Vec<i64> =
        select.query_map(company, |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    if ids.len() < batch.size as usize {
        return Ok(());
    }
    let mut update = connection.prepare_cached("UPDATE delivery SET due_at = ?2 WHERE id = ?1")?;
    for id in ids {
        update.execute((id, now))?;
    }
    Ok(())
}

/// A delivery that may be claimed, as far as the index knows.
struct Candidate {
    id: i64,
    lane: Option<String>,
    fifo: bool,
    throttle_key: Option<String>,
    /// Whether the throttle has to be asked.
    unadmitted: bool,
    batch_key: Option<String>,
}

pub(super) const CANDIDATES_SQL: &str =
    "SELECT id, lane, fifo, throttle_key, admitted = 0 AND attempt = 0, batch_key FROM delivery
     WHERE tenant = ?1 AND step = ?2 AND parked = 0 AND priority = ?3 AND due_at <= ?4
     ORDER BY due_at, id LIMIT ?5";

pub(super) fn claim(connection: &Connection, request: &ClaimRequest) -> StoreResult<Claimed> {
    let mut claims = Vec::new();
    let mut seen = HashSet::new();
    let most = request.limit + LOOKED_AT;
    let priorities = priorities(connection, request)?;
    for &priority in &priorities {
        // First as many as are wanted, which is usually enough; then all that may be looked at.
        for look in [request.limit, most] {
            if claims.len() == request.limit || seen.len() >= most {
                break;
            }
            let candidates = candidates(connection, request, priority, look)?;
            let all = candidates.len() < look;
            for candidate in candidates {
                if claims.len() == request.limit || seen.len() >= most {
                    break;
                }
                if seen.insert(candidate.id) {
                    let claim = examine(connection, request, &candidate)?;
                    seen.extend(claim.iter().map(|delivery| delivery.id));
                    if !claim.is_empty() {
                        claims.push(claim);
                    }
                }
            }
            if all {
                break;
            }
        }
    }
    let more = seen.len() >= most && claims.len() < request.limit;
    let mut next_due = None;
    for priority in priorities {
        let due = connection
            .prepare_cached(
                "SELECT min(due_at) FROM delivery WHERE tenant = ?1 AND step = ?2 AND parked = 0 AND priority = ?3",
            )?
            .query_row((request.tenant.as_str(), request.step.as_str(), priority), |row| {
                row.get::<_, Option<Millis>>(0)
            })?;
        next_due = next_due.into_iter().chain(due).min();
    }
    Ok(Claimed { claims, more, next_due })
}

/// The priorities that deliveries of the step have, highest first: jumps through the index.
fn priorities(connection: &Connection, request: &ClaimRequest) -> StoreResult<Vec<i32>> {
    let mut select = connection.prepare_cached(
        "SELECT max(priority) FROM delivery WHERE tenant = ?1 AND step = ?2 AND parked = 0 AND priority < ?3",
    )?;
    let mut priorities = Vec::new();
    let mut below = i64::MAX;
    loop {
        let of = (request.tenant.as_str(), request.step.as_str(), below);
        let Some(priority) = select.query_row(of, |row| row.get::<_, Option<i32>>(0))? else {
            return Ok(priorities);
        };
        priorities.push(priority);
        below = priority.into();
    }
}

fn candidates(
    connection: &Connection,
    request: &ClaimRequest,
    priority: i32,
    limit: usize,
) -> StoreResult<Vec<Candidate>> {
    let mut select = connection.prepare_cached(CANDIDATES_SQL)?;
    let of =
        (request.tenant.as_str(), request.step.as_str(), priority, request.now, limit_of(limit));
    let rows = select.query_map(of, |row| {
        Ok(Candidate {
            id: row.get(0)?,
            lane: row.get(1)?,
            fifo: row.get(2)?,
            throttle_key: row.get(3)?,
            unadmitted: row.get(4)?,
            batch_key: row.get(5)?,
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Claims a candidate and its batch, or puts it where it waits.
fn examine(
    connection: &Connection,
    request: &ClaimRequest,
    candidate: &Candidate,
) -> StoreResult<Vec<Delivery>> {
    let (tenant, step) = (request.tenant.as_str(), request.step.as_str());
    if let Some(lane) = &candidate.lane {
        let wait = if candidate.fifo {
            lanes::must_wait(connection, tenant, step, lane, candidate.id)?
        } else {
            lanes::leased(connection, tenant, step, lane, request.now)? >= request.lane_width
        };
        if wait {
            connection
                .prepare_cached("UPDATE delivery SET parked = 1 WHERE id = ?1")?
                .execute((candidate.id,))?;
            return Ok(Vec::new());
        }
    }
    if let (Some(key), Some(rate), true) =
        (&candidate.throttle_key, request.throttle, candidate.unadmitted)
    {
        let key = pace::Key { tenant, step, kind: "throttle", key };
        let (time, arrival) = rate.next(pace::arrival(connection, &key)?, request.now);
        pace::set(connection, &key, arrival)?;
        connection
            .prepare_cached("UPDATE delivery SET admitted = 2, due_at = ?2 WHERE id = ?1")?
            .execute((candidate.id, time))?;
        if time > request.now {
            return Ok(Vec::new());
        }
    }
    let mut ids = vec![candidate.id];
    if let (Some(batch), Some(key)) = (request.batch, &candidate.batch_key) {
        ids.extend(company(connection, request, batch, key, candidate.id)?);
        ids.sort_unstable();
    }
    ids.into_iter().map(|id| lease(connection, id, request)).collect()
}

/// The deliveries that go along with one of their batch.
fn company(
    connection: &Connection,
    request: &ClaimRequest,
    batch: BatchClaim,
    key: &str,
    first: i64,
) -> StoreResult<Vec<i64>> {
    let mut select = connection.prepare_cached(
        "SELECT id FROM delivery
         WHERE tenant = ?1 AND step = ?2 AND batch_key = ?3 AND id <> ?4 AND parked = 0
           AND (due_at <= ?5 OR (attempt = 0 AND lease_until IS NULL AND due_at <= ?6))
         ORDER BY id LIMIT ?7",
    )?;
    let rows = select.query_map(
        (
            request.tenant.as_str(),
            request.step.as_str(),
            key,
            first,
            request.now,
            request.now + batch.timeout_ms,
            batch.size.saturating_sub(1),
        ),
        |row| row.get(0),
    )?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn lease(connection: &Connection, id: i64, request: &ClaimRequest) -> StoreResult<Delivery> {
    connection
        .prepare_cached(
            "UPDATE delivery SET lease_until = ?2, due_at = ?2, attempt = attempt + 1, lease_epoch = lease_epoch + 1,
                                 first_claimed_at = CASE WHEN attempt = 0 THEN ?3 ELSE coalesce(first_claimed_at, ?3) END,
                                 admitted = min(admitted, 1)
             WHERE id = ?1",
        )?
        .execute((id, request.lease_until, request.now))?;
    let delivery = connection
        .prepare_cached(
            "SELECT delivery.id, event.id, lease_epoch, delivery.tenant, step, kind, topic, data, headers, trace_id,
                    message_group_id, depth, attempt, expires_at, first_claimed_at, emitted_at, cause
             FROM delivery JOIN event ON event.id = delivery.event_id WHERE delivery.id = ?1",
        )?
        .query_row((id,), delivery)?;
    Ok(delivery)
}

fn delivery(row: &Row<'_>) -> rusqlite::Result<Delivery> {
    Ok(Delivery {
        id: row.get(0)?,
        event_id: row.get(1)?,
        lease_epoch: row.get(2)?,
        tenant: TenantId::from(row.get::<_, String>(3)?),
        step: StepName::from(row.get::<_, String>(4)?),
        kind: kind(row, 5)?,
        topic: row.get(6)?,
        data: row.get(7)?,
        headers: row.get(8)?,
        trace_id: TraceId::from(row.get::<_, String>(9)?),
        message_group_id: row.get(10)?,
        depth: row.get(11)?,
        attempt: row.get(12)?,
        expires_at: row.get(13)?,
        first_claimed_at: row.get(14)?,
        emitted_at: row.get(15)?,
        cause: row.get(16)?,
    })
}

/// A column with an event's kind; the database holds no other word.
pub(super) fn kind(row: &Row<'_>, column: usize) -> rusqlite::Result<EventKind> {
    Ok(match row.get_ref(column)?.as_str()? {
        "cron" => EventKind::Cron,
        "state" => EventKind::State,
        "stream" => EventKind::Stream,
        _ => EventKind::Event,
    })
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

/// By the index of due deliveries, in which parked ones stand together.
pub(super) fn unpark(
    connection: &Connection,
    tenant: &TenantId,
    step: &StepName,
    limit: usize,
) -> StoreResult<u64> {
    let unparked = connection
        .prepare_cached(
            "UPDATE delivery SET parked = 0 WHERE id IN
                 (SELECT id FROM delivery WHERE tenant = ?1 AND step = ?2 AND parked = 1 ORDER BY id LIMIT ?3)",
        )?
        .execute((tenant.as_str(), step.as_str(), limit_of(limit)))?;
    Ok(unparked as u64)
}

pub(super) fn unthrottle(
    connection: &Connection,
    tenant: &TenantId,
    step: &StepName,
    limit: usize,
) -> StoreResult<u64> {
    let of = (tenant.as_str(), step.as_str());
    let freed = connection
        .prepare_cached(
            "UPDATE delivery SET admitted = 0, due_at = created_at WHERE id IN
                 (SELECT id FROM delivery
                  WHERE tenant = ?1 AND step = ?2 AND admitted = 2
                  ORDER BY id LIMIT ?3)",
        )?
        .execute((of.0, of.1, limit_of(limit)))?;
    connection
        .prepare_cached("DELETE FROM pace WHERE tenant = ?1 AND step = ?2 AND kind = 'throttle'")?
        .execute(of)?;
    Ok(freed as u64)
}

/// Removes a delivery. The last one of an event takes the event along.
pub(super) fn remove(connection: &Connection, delivery: i64, event: i64) -> StoreResult<()> {
    connection
        .prepare_cached("DELETE FROM attempt_error WHERE delivery_id = ?1")?
        .execute((delivery,))?;
    connection.prepare_cached("DELETE FROM delivery WHERE id = ?1")?.execute((delivery,))?;
    remove_event(connection, event)
}

/// Removes an event that no delivery refers to any more.
fn remove_event(connection: &Connection, event: i64) -> StoreResult<()> {
    connection
        .prepare_cached(
            "DELETE FROM event WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM delivery WHERE event_id = ?1)",
        )?
        .execute((event,))?;
    Ok(())
}
