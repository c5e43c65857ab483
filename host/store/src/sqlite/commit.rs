//! The ends of invocations: leases and reads are checked, then everything is written.

use rusqlite::{Connection, OptionalExtension};

use super::{answers, dead_letters, lanes, queue, state, streams};
use crate::{
    AttemptError, Commit, End, Lease, Millis, Read, StoreError, StoreResult, Write, live::News,
};

pub(super) fn commit(
    connection: &Connection,
    news: &News,
    commit: &Commit,
    now: Millis,
) -> StoreResult<()> {
    let held = commit
        .leases
        .iter()
        .map(|&lease| held(connection, lease))
        .collect::<StoreResult<Vec<_>>>()?;
    for read in &commit.reads {
        check(connection, read)?;
    }
    for write in &commit.writes {
        apply(connection, news, write, now)?;
    }
    if let Some(answer) = &commit.answer {
        answers::put(connection, answer)?;
    }
    for delivery in &held {
        end(connection, delivery, &commit.end)?;
    }
    Ok(())
}

/// A delivery and what its end must know.
pub(super) struct Held {
    pub id: i64,
    pub event_id: i64,
    pub attempt: u32,
    pub tenant: String,
    pub step: String,
    pub lane: Option<String>,
    pub fifo: bool,
}

impl Held {
    /// The delivery is gone: the next of its lane may come.
    pub fn make_room(&self, connection: &Connection) -> StoreResult<()> {
        match &self.lane {
            Some(lane) => lanes::make_room(connection, &self.tenant, &self.step, lane),
            None => Ok(()),
        }
    }

    /// Removes the delivery.
    pub fn remove(&self, connection: &Connection) -> StoreResult<()> {
        queue::remove(connection, self.id, self.event_id)
    }
}

const HELD_SQL: &str =
    "SELECT id, event_id, attempt, tenant, step, lane, fifo FROM delivery WHERE id = ?1";

fn held_of(row: &rusqlite::Row<'_>) -> rusqlite::Result<Held> {
    Ok(Held {
        id: row.get(0)?,
        event_id: row.get(1)?,
        attempt: row.get(2)?,
        tenant: row.get(3)?,
        step: row.get(4)?,
        lane: row.get(5)?,
        fifo: row.get(6)?,
    })
}

/// A delivery, claimed or not.
pub(super) fn any(connection: &Connection, id: i64) -> StoreResult<Option<Held>> {
    Ok(connection.prepare_cached(HELD_SQL)?.query_row((id,), held_of).optional()?)
}

fn held(connection: &Connection, lease: Lease) -> StoreResult<Held> {
    connection
        .prepare_cached(
            "SELECT id, event_id, attempt, tenant, step, lane, fifo FROM delivery
             WHERE id = ?1 AND lease_epoch = ?2 AND lease_until IS NOT NULL",
        )?
        .query_row((lease.delivery, lease.epoch), held_of)
        .optional()?
        .ok_or(StoreError::StaleLease)
}

fn check(connection: &Connection, read: &Read) -> StoreResult<()> {
    let (same, what) = match read {
        Read::State { group, key, value } => (
            state::get(connection, group, key)? == *value,
            format!("the state `{key}` in `{}`", group.group),
        ),
        Read::StateGroup { group, entries } => (
            state::entries(connection, group, usize::MAX)? == *entries,
            format!("the state group `{}`", group.group),
        ),
        Read::Item { group, id, offset } => (
            streams::get(connection, group, id)?.map(|item| item.offset) == *offset,
            format!("the item `{id}` in `{}`", group.group),
        ),
        Read::ItemGroup { group, items } => (
            streams::items(connection, group, usize::MAX)? == *items,
            format!("the stream group `{}`", group.group),
        ),
    };
    if same { Ok(()) } else { Err(StoreError::Conflict(what)) }
}

fn apply(connection: &Connection, news: &News, write: &Write, now: Millis) -> StoreResult<()> {
    match write {
        Write::SetState { group, key, value, reaction } => {
            state::set(connection, group, key, value, reaction.as_ref(), now)?;
        }
        Write::DeleteState { group, key, reaction } => {
            state::delete(connection, group, key, reaction.as_ref(), now)?;
        }
        Write::ClearState { group, reaction } => {
            state::clear(connection, group, reaction.as_ref(), now)?;
        }
        Write::SetItem { group, id, data, reaction } => {
            streams::set(connection, news, group, id, data, reaction.as_ref(), now)?;
        }
        Write::DeleteItem { group, id, reaction } => {
            streams::delete(connection, news, group, id, reaction.as_ref(), now)?;
        }
        Write::Emit(event) => {
            queue::emit(connection, event, now)?;
        }
        Write::Send(event) => news.sent(event.clone()),
    }
    Ok(())
}

fn end(connection: &Connection, delivery: &Held, end: &End) -> StoreResult<()> {
    match end {
        End::Complete => {
            delivery.remove(connection)?;
            delivery.make_room(connection)
        }
        End::Retry { error, at } => {
            let error = AttemptError { attempt: delivery.attempt, ..error.clone() };
            connection
                .prepare_cached(
                    "INSERT INTO attempt_error (delivery_id, attempt, error) VALUES (?1, ?2, ?3)",
                )?
                .execute((delivery.id, delivery.attempt, dead_letters::encode(&error)?))?;
            wait(connection, delivery, *at, delivery.attempt)
        }
        End::Bury { error, block } => {
            let error = AttemptError { attempt: delivery.attempt, ..error.clone() };
            dead_letters::bury(connection, delivery, error, *block && delivery.fifo)?;
            delivery.make_room(connection)
        }
        End::Release { at } => wait(connection, delivery, *at, delivery.attempt.saturating_sub(1)),
    }
}

/// Whoever waits holds its place in a fifo lane, and none in another.
fn wait(connection: &Connection, delivery: &Held, at: Millis, attempt: u32) -> StoreResult<()> {
    connection
        .prepare_cached(
            "UPDATE delivery SET lease_until = NULL, due_at = ?2, attempt = ?3 WHERE id = ?1",
        )?
        .execute((delivery.id, at, attempt))?;
    if delivery.fifo { Ok(()) } else { delivery.make_room(connection) }
}

pub(super) fn cancel(
    connection: &Connection,
    tenant: &str,
    deliveries: &[i64],
) -> StoreResult<Vec<i64>> {
    let mut cancelled = Vec::new();
    for &id in deliveries {
        let Some(delivery) = any(connection, id)?.filter(|held| held.tenant == tenant) else {
            continue;
        };
        delivery.remove(connection)?;
        delivery.make_room(connection)?;
        cancelled.push(id);
    }
    Ok(cancelled)
}

pub(super) fn cancel_event(
    connection: &Connection,
    tenant: &str,
    event_id: i64,
) -> StoreResult<Vec<i64>> {
    let mut select = connection.prepare_cached(
        "SELECT id FROM delivery WHERE event_id = ?1 AND attempt = 0 AND lease_until IS NULL ORDER BY id",
    )?;
    let ids: Vec<i64> =
        select.query_map((event_id,), |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    cancel(connection, tenant, &ids)
}
