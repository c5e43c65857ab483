//! The store in SQLite: one file, one writer, nothing to start.

mod queue;
mod schema;
mod state;
mod streams;
mod ticks;
mod writer;

#[cfg(test)]
mod tests;

use std::{
    fs::{self, File, TryLockError},
    io,
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};

use motia_manifest::{StepName, TenantId};
use rusqlite::{Connection, Row};

use self::writer::{Effect, Reply, Writer};
use crate::{
    AttemptError, DeadLetter, Delivery, Entry, GroupKey, ItemChange, Json, Lease, Millis, NewEvent,
    QueueDepth, Store, StoreError, StoreFuture, StoreResult, StoredItem, UpdateOp,
};

pub(crate) use self::ticks::TICKS_KEPT;

/// About what a row takes beside its data: names, numbers, index entries.
const ROW_BYTES: usize = 256;

/// A [`Store`] in a directory on disk.
///
/// Dropping it commits everything that was called and gives the directory free.
pub struct SqliteStore {
    // Fields are dropped in this order: everything is committed while the lock is still held.
    writer: Writer,
    _lock: File,
}

impl SqliteStore {
    /// Opens the store in a directory, which is created if there is none.
    ///
    /// Fails with [`StoreError::InUse`] while another store has the directory, and without changing
    /// anything with [`StoreError::Foreign`] or [`StoreError::Newer`] when `core.db` is not a database
    /// of this version or an older one.
    pub fn open(dir: &Path) -> StoreResult<Self> {
        let failed = |what: &str, error: io::Error| {
            StoreError::Failed(format!(
                "cannot {what} the data directory {}: {error}",
                dir.display()
            ))
        };
        fs::create_dir_all(dir).map_err(|error| failed("create", error))?;
        let lock = File::create(dir.join("lock")).map_err(|error| failed("write to", error))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(StoreError::InUse(dir.to_owned())),
            Err(TryLockError::Error(error)) => return Err(failed("lock", error)),
        }
        let connection = schema::open(&dir.join("core.db"))?;
        let writer = Writer::start(connection).map_err(|error| {
            StoreError::Failed(format!("cannot start the store's thread: {error}"))
        })?;
        Ok(Self { writer, _lock: lock })
    }

    /// How many commits there were since the store was opened. For benchmarks.
    pub fn commits(&self) -> u64 {
        self.writer.commits()
    }

    fn read<T, F>(&self, operation: F) -> StoreFuture<'_, T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> StoreResult<T> + Send + 'static,
    {
        self.writer.call(Effect::Read, Reply::AtOnce, 0, operation)
    }

    fn write<T, F>(&self, effect: Effect, bytes: usize, operation: F) -> StoreFuture<'_, T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> StoreResult<T> + Send + 'static,
    {
        self.writer.call(effect, Reply::AtOnce, bytes + ROW_BYTES, operation)
    }

    fn write_on_disk<T, F>(&self, operation: F) -> StoreFuture<'_, T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> StoreResult<T> + Send + 'static,
    {
        self.writer.call(Effect::WriteMany, Reply::OnDisk, ROW_BYTES, operation)
    }
}

impl Store for SqliteStore {
    fn barrier(&self) -> StoreFuture<'_, ()> {
        self.writer.call(Effect::Read, Reply::OnDisk, 0, |_| Ok(()))
    }

    fn emit(&self, event: NewEvent, now: Millis) -> StoreFuture<'_, ()> {
        let bytes = event.data.len() + event.deliveries.len() * ROW_BYTES;
        self.write(Effect::WriteMany, bytes, move |connection| queue::emit(connection, &event, now))
    }

    fn claim(
        &self,
        tenant: TenantId,
        steps: Vec<StepName>,
        limit: usize,
        now: Millis,
        lease_until: Millis,
    ) -> StoreFuture<'_, Vec<Delivery>> {
        self.write(Effect::WriteMany, 0, move |connection| {
            queue::claim(connection, &tenant, steps, limit, now, lease_until)
        })
    }

    fn next_due(&self, tenant: TenantId) -> StoreFuture<'_, Option<Millis>> {
        self.read(move |connection| queue::next_due(connection, &tenant))
    }

    fn release_all(&self) -> StoreFuture<'_, u64> {
        self.write(Effect::WriteOne, 0, queue::release_all)
    }

    fn release(&self, lease: Lease, due_at: Millis) -> StoreFuture<'_, ()> {
        self.write(Effect::WriteOne, 0, move |connection| queue::release(connection, lease, due_at))
    }

    fn complete(&self, lease: Lease) -> StoreFuture<'_, ()> {
        self.write_on_disk(move |connection| queue::complete(connection, lease))
    }

    fn retry(&self, lease: Lease, error: AttemptError, retry_at: Millis) -> StoreFuture<'_, ()> {
        self.write_on_disk(move |connection| queue::retry(connection, lease, &error, retry_at))
    }

    fn bury(&self, lease: Lease, error: AttemptError) -> StoreFuture<'_, ()> {
        self.write_on_disk(move |connection| queue::bury(connection, lease, error))
    }

    fn dead_letters(&self, tenant: TenantId, limit: usize) -> StoreFuture<'_, Vec<DeadLetter>> {
        self.read(move |connection| queue::dead_letters(connection, &tenant, limit))
    }

    fn queue_depth(&self, tenant: TenantId, now: Millis) -> StoreFuture<'_, QueueDepth> {
        self.read(move |connection| queue::queue_depth(connection, &tenant, now))
    }

    fn take_tick(
        &self,
        tenant: TenantId,
        step: StepName,
        scheduled_at: Millis,
    ) -> StoreFuture<'_, bool> {
        self.write_on_disk(move |connection| ticks::take(connection, &tenant, &step, scheduled_at))
    }

    fn state_get(&self, group: GroupKey, key: String) -> StoreFuture<'_, Option<Json>> {
        self.read(move |connection| state::get(connection, &group, &key))
    }

    fn state_set(
        &self,
        group: GroupKey,
        key: String,
        value: Json,
    ) -> StoreFuture<'_, Option<Json>> {
        self.write(Effect::WriteOne, value.len(), move |connection| {
            state::set(connection, &group, &key, &value)
        })
    }

    fn state_delete(&self, group: GroupKey, key: String) -> StoreFuture<'_, Option<Json>> {
        self.write(Effect::WriteOne, 0, move |connection| state::delete(connection, &group, &key))
    }

    fn state_group(&self, group: GroupKey, max_bytes: usize) -> StoreFuture<'_, Vec<Entry>> {
        self.read(move |connection| state::entries(connection, &group, max_bytes))
    }

    fn state_clear(&self, group: GroupKey) -> StoreFuture<'_, u64> {
        self.write(Effect::WriteOne, 0, move |connection| state::clear(connection, &group))
    }

    fn state_update(
        &self,
        group: GroupKey,
        key: String,
        ops: Vec<UpdateOp>,
        max_bytes: usize,
    ) -> StoreFuture<'_, Json> {
        self.write(Effect::WriteOne, ops.len() * ROW_BYTES, move |connection| {
            state::update(connection, &group, &key, &ops, max_bytes)
        })
    }

    fn item_get(&self, group: GroupKey, id: String) -> StoreFuture<'_, Option<StoredItem>> {
        self.read(move |connection| streams::get(connection, &group, &id))
    }

    fn item_set(&self, group: GroupKey, id: String, data: Json) -> StoreFuture<'_, ItemChange> {
        self.write(Effect::WriteMany, data.len(), move |connection| {
            streams::set(connection, &group, &id, &data)
        })
    }

    fn item_delete(&self, group: GroupKey, id: String) -> StoreFuture<'_, ItemChange> {
        self.write(Effect::WriteMany, 0, move |connection| streams::delete(connection, &group, &id))
    }

    fn item_group(&self, group: GroupKey, max_bytes: usize) -> StoreFuture<'_, Vec<StoredItem>> {
        self.read(move |connection| streams::items(connection, &group, max_bytes))
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Failed(error.to_string())
    }
}

/// A limit as SQLite takes it.
fn limit_of(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// A column that counts.
fn unsigned(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    Ok(row.get::<_, i64>(column)?.unsigned_abs())
}

/// For the columns that tell a person when a row was written; no operation depends on them.
fn now() -> Millis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
