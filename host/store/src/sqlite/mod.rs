//! The store in SQLite: one file, one writer, nothing to start.

mod answers;
mod audit;
mod backup;
mod browse;
mod checkpoint;
mod commit;
mod dead_letters;
mod inspect;
mod lanes;
mod pace;
mod queue;
mod reactions;
mod reader;
mod room;
mod schema;
mod state;
mod streams;
mod sweep;
mod ticks;
mod writer;

#[cfg(test)]
mod tests;

use std::{
    fs::{self, File, TryLockError},
    io,
    path::{Path, PathBuf},
    sync::{Arc, atomic::Ordering},
};

use motia_manifest::{StepName, TenantId};
use rusqlite::{Connection, Row};

use self::{
    checkpoint::{Checkpointer, Signals},
    reader::Reader,
    room::Room,
    writer::{Effect, Reply, Writer},
};
use crate::{
    Answer, Audit, AuditEntry, ClaimRequest, Claimed, Commit, DeadLetter, DeadLetterFilter,
    DeliveryFilter, DeliveryInfo, Emitted, End, Entry, EventIds, GroupKey, ItemChange, ItemEvent,
    ItemSnapshot, Json, Millis, NewEvent, Overlap, PageFilter, QueueInfo, QueueSettings, Reaction,
    Redrive, SentEvent, StateEntry, StateGroup, Store, StoreEpoch, StoreError, StoreFigures,
    StoreFuture, StoreResult, StoredItem, StreamEntry, StreamFollower, StreamGroup, Tick, UpdateOp,
    Write, live::News,
};

pub use self::backup::{Backup, Replace, backup, restore};
pub(crate) use self::sweep::DELETED_KEPT_MS;
pub(crate) use self::ticks::TICKS_KEPT;

/// About what a row takes beside its data: names, numbers, index entries.
const ROW_BYTES: usize = 256;

/// The database's file in the data directory.
const FILE: &str = "core.db";

/// How a store is opened.
#[derive(Debug, Clone)]
pub struct SqliteOptions {
    /// The SQLite VFS through which files are reached; the system's own if none. For tests of broken disks.
    pub vfs: Option<String>,
    /// How long the log gets before it is moved into the database file, in bytes. 4 MiB.
    pub checkpoint_bytes: u64,
    /// With less free space than this on the disk, no new work is taken; what has begun ends in it. 64 MiB.
    pub min_free_bytes: u64,
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self { vfs: None, checkpoint_bytes: 4 << 20, min_free_bytes: 64 << 20 }
    }
}

/// A [`Store`] in a directory on disk.
///
/// Dropping it commits everything that was called and gives the directory free.
pub struct SqliteStore {
    // Fields are dropped in this order: everything is committed while the lock is still held.
    reader: Reader,
    /// For lists that people look through, which may take long: nobody who joins a stream waits for them.
    browser: Reader,
    _checkpointer: Checkpointer,
    writer: Writer,
    room: Arc<Room>,
    news: Arc<News>,
    event_ids: EventIds,
    directory: PathBuf,
    _lock: File,
}

impl SqliteStore {
    /// Opens the store in a directory, which is created if there is none.
    ///
    /// Fails with [`StoreError::InUse`] while another store has the directory, and without changing
    /// anything with [`StoreError::Foreign`] or [`StoreError::Newer`] when `core.db` is not a database
    /// of this version or an older one.
    pub fn open(dir: &Path) -> StoreResult<Self> {
        Self::open_with(dir, &SqliteOptions::default())
    }

    /// Opens the store with options of its own; see [`SqliteStore::open`].
    pub fn open_with(dir: &Path, options: &SqliteOptions) -> StoreResult<Self> {
        let failed = |what: &str, error: io::Error| {
            StoreError::Failed(format!(
                "cannot {what} the data directory {}: {error}",
                dir.display()
            ))
        };
        fs::create_dir_all(dir).map_err(|error| failed("create", error))?;
        let lock = lock(dir)?;
        let (path, vfs) = (dir.join(FILE), options.vfs.as_deref());
        let connection = schema::open(&path, vfs)?;
        let event_ids = EventIds::after(last_event_id(&connection)?);
        let signals = Arc::new(Signals::default());
        let room = Arc::new(Room::new(dir, options.min_free_bytes));
        let thread =
            |error| StoreError::Failed(format!("cannot start the store's threads: {error}"));
        let news = Arc::new(News::default());
        let writer =
            Writer::start(connection, Arc::clone(&signals), Arc::clone(&room), Arc::clone(&news))
                .map_err(thread)?;
        let checkpointer = Checkpointer::start(
            schema::open_beside(&path, vfs)?,
            signals,
            options.checkpoint_bytes,
        )
        .map_err(thread)?;
        let reader = Reader::start(schema::open_reader(&path, vfs)?).map_err(thread)?;
        let browser = Reader::start(schema::open_reader(&path, vfs)?).map_err(thread)?;
        Ok(Self {
            reader,
            browser,
            _checkpointer: checkpointer,
            writer,
            room,
            news,
            event_ids,
            directory: dir.to_owned(),
            _lock: lock,
        })
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

    fn write_on_disk<T, F>(&self, bytes: usize, operation: F) -> StoreFuture<'_, T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> StoreResult<T> + Send + 'static,
    {
        self.writer.call(Effect::WriteMany, Reply::OnDisk, bytes + ROW_BYTES, operation)
    }

    /// Reads on the connection for questions, which sees only what is on disk: so everything that was called
    /// before is brought there first.
    fn look<T, F>(&self, query: F) -> StoreFuture<'_, T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> StoreResult<T> + Send + 'static,
    {
        self.look_with(&self.reader, query)
    }

    /// The same for long lists.
    fn browse<T, F>(&self, query: F) -> StoreFuture<'_, T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> StoreResult<T> + Send + 'static,
    {
        self.look_with(&self.browser, query)
    }

    fn look_with<'a, T, F>(&'a self, reader: &'a Reader, query: F) -> StoreFuture<'a, T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> StoreResult<T> + Send + 'static,
    {
        let written = self.writer.call(Effect::Read, Reply::OnDisk, 0, |_| Ok(()));
        Box::pin(async move {
            written.await?;
            reader.ask(query).await
        })
    }

    /// Refuses if something that the caller has seen or written was lost.
    fn unlost(&self, since: StoreEpoch) -> impl Fn() -> StoreResult<()> + Send + 'static {
        let room = Arc::clone(&self.room);
        move || match room.epoch.load(Ordering::Acquire) == since {
            true => Ok(()),
            false => Err(room::lost()),
        }
    }
}

/// Opens the database of a data directory for reading, beside the store.
pub(crate) fn open_reader(dir: &Path) -> StoreResult<Connection> {
    schema::open_reader(&dir.join(FILE), None)
}

/// The newest id of an event, waiting or dead; 0 if there is none.
fn last_event_id(connection: &Connection) -> StoreResult<i64> {
    let last = connection.query_row(
        "SELECT max(coalesce((SELECT max(id) FROM event), 0),
                    coalesce((SELECT event_id FROM dead_letter ORDER BY id DESC LIMIT 1), 0))",
        (),
        |row| row.get(0),
    )?;
    Ok(last)
}

/// Takes the directory for one process.
fn lock(dir: &Path) -> StoreResult<File> {
    let failed = |error: io::Error| {
        StoreError::Failed(format!("cannot lock the data directory {}: {error}", dir.display()))
    };
    let lock = File::create(dir.join("lock")).map_err(failed)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(StoreError::InUse(dir.to_owned())),
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}

impl Store for SqliteStore {
    fn event_ids(&self) -> &EventIds {
        &self.event_ids
    }

    fn epoch(&self) -> StoreEpoch {
        self.room.epoch.load(Ordering::Acquire)
    }

    fn barrier(&self, since: StoreEpoch) -> StoreFuture<'_, ()> {
        let unlost = self.unlost(since);
        self.writer.call(Effect::Read, Reply::OnDisk, 0, move |_| unlost())
    }

    fn directory(&self) -> Option<&Path> {
        Some(&self.directory)
    }

    fn figures(&self) -> StoreFigures {
        self.writer.figures()
    }

    fn check_room(&self) -> StoreResult<()> {
        self.room.check()
    }

    fn emit(&self, event: NewEvent, now: Millis) -> StoreFuture<'_, Emitted> {
        let bytes = event_bytes(&event);
        self.write(Effect::WriteMany, bytes, move |connection| queue::emit(connection, &event, now))
    }

    fn claim(&self, request: ClaimRequest) -> StoreFuture<'_, Claimed> {
        self.write(Effect::WriteMany, 0, move |connection| queue::claim(connection, &request))
    }

    fn release_all(&self) -> StoreFuture<'_, u64> {
        self.write(Effect::WriteOne, 0, queue::release_all)
    }

    fn unpark(&self, tenant: TenantId, step: StepName, limit: usize) -> StoreFuture<'_, u64> {
        self.write(Effect::WriteOne, 0, move |connection| {
            queue::unpark(connection, &tenant, &step, limit)
        })
    }

    fn unthrottle(&self, tenant: TenantId, step: StepName, limit: usize) -> StoreFuture<'_, u64> {
        self.write(Effect::WriteMany, 0, move |connection| {
            queue::unthrottle(connection, &tenant, &step, limit)
        })
    }

    fn commit(&self, commit: Commit, now: Millis, since: StoreEpoch) -> StoreFuture<'_, ()> {
        let bytes = commit.writes.iter().map(write_bytes).sum::<usize>()
            + commit.leases.len() * ROW_BYTES
            + commit.answer.as_ref().map_or(0, |answer| answer.answer.response.len());
        let unlost = self.unlost(since);
        let reply = match commit.end {
            // Nobody is told that something was not attempted.
            End::Release { .. } => Reply::AtOnce,
            _ => Reply::OnDisk,
        };
        let news = Arc::clone(&self.news);
        self.writer.call(Effect::WriteMany, reply, bytes, move |connection| {
            unlost()?;
            commit::commit(connection, &news, &commit, now)
        })
    }

    fn cancel(&self, tenant: TenantId, deliveries: Vec<i64>) -> StoreFuture<'_, Vec<i64>> {
        self.write_on_disk(0, move |connection| {
            commit::cancel(connection, tenant.as_str(), &deliveries)
        })
    }

    fn cancel_event(&self, tenant: TenantId, event_id: i64) -> StoreFuture<'_, Vec<i64>> {
        self.write_on_disk(0, move |connection| {
            commit::cancel_event(connection, tenant.as_str(), event_id)
        })
    }

    fn deliveries(
        &self,
        tenant: TenantId,
        filter: DeliveryFilter,
        now: Millis,
    ) -> StoreFuture<'_, Vec<DeliveryInfo>> {
        self.browse(move |connection| inspect::deliveries(connection, &tenant, &filter, now))
    }

    fn queues(&self, tenant: TenantId, now: Millis) -> StoreFuture<'_, Vec<QueueInfo>> {
        self.browse(move |connection| inspect::queues(connection, &tenant, now))
    }

    fn dead_letters(
        &self,
        tenant: TenantId,
        filter: DeadLetterFilter,
        before: Option<i64>,
        limit: usize,
    ) -> StoreFuture<'_, Vec<DeadLetter>> {
        self.browse(move |connection| {
            dead_letters::list(connection, &tenant, &filter, before, limit)
        })
    }

    fn discard(
        &self,
        tenant: TenantId,
        filter: DeadLetterFilter,
        limit: usize,
    ) -> StoreFuture<'_, Vec<i64>> {
        self.write_on_disk(0, move |connection| {
            dead_letters::discard(connection, &tenant, &filter, limit)
        })
    }

    fn start_redrive(
        &self,
        tenant: TenantId,
        filter: DeadLetterFilter,
        per_second: u32,
        now: Millis,
    ) -> StoreFuture<'_, i64> {
        self.write_on_disk(0, move |connection| {
            dead_letters::start_redrive(connection, &tenant, &filter, per_second, now)
        })
    }

    fn redrives(&self, tenant: TenantId) -> StoreFuture<'_, Vec<Redrive>> {
        self.read(move |connection| dead_letters::redrives(connection, &tenant))
    }

    fn redrive_some(&self, id: i64, limit: usize, now: Millis) -> StoreFuture<'_, Vec<StepName>> {
        self.write(Effect::WriteMany, limit * ROW_BYTES, move |connection| {
            dead_letters::redrive_some(connection, id, limit, now)
        })
    }

    fn stop_redrive(&self, tenant: TenantId, id: i64) -> StoreFuture<'_, bool> {
        self.write_on_disk(0, move |connection| dead_letters::stop_redrive(connection, &tenant, id))
    }

    fn queue_settings(&self, tenant: TenantId) -> StoreFuture<'_, Vec<QueueSettings>> {
        self.read(move |connection| {
            let mut select = connection.prepare_cached(
                "SELECT step, settings FROM queue_settings WHERE tenant = ?1 ORDER BY step",
            )?;
            let rows = select.query_map((tenant.as_str(),), |row| {
                Ok(QueueSettings {
                    step: StepName::from(row.get::<_, String>(0)?),
                    settings: row.get(1)?,
                })
            })?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    fn set_queue_settings(
        &self,
        tenant: TenantId,
        step: StepName,
        settings: Option<Json>,
    ) -> StoreFuture<'_, ()> {
        self.write_on_disk(0, move |connection| {
            let key = (tenant.as_str(), step.as_str());
            match settings {
                Some(settings) => connection
                    .prepare_cached(
                        "INSERT OR REPLACE INTO queue_settings (tenant, step, settings) VALUES (?1, ?2, ?3)",
                    )?
                    .execute((key.0, key.1, settings))?,
                None => connection
                    .prepare_cached("DELETE FROM queue_settings WHERE tenant = ?1 AND step = ?2")?
                    .execute(key)?,
            };
            Ok(())
        })
    }

    fn take_tick(
        &self,
        event: NewEvent,
        scheduled_at: Millis,
        overlap: Overlap,
        now: Millis,
    ) -> StoreFuture<'_, Tick> {
        self.write_on_disk(event_bytes(&event), move |connection| {
            ticks::take(connection, &event, scheduled_at, overlap, now)
        })
    }

    fn last_tick(&self, tenant: TenantId, step: StepName) -> StoreFuture<'_, Option<Millis>> {
        self.read(move |connection| ticks::last(connection, &tenant, &step))
    }

    fn answer(
        &self,
        tenant: TenantId,
        step: StepName,
        key: String,
        now: Millis,
    ) -> StoreFuture<'_, Option<Answer>> {
        self.read(move |connection| answers::get(connection, &tenant, &step, &key, now))
    }

    fn sweep(&self, now: Millis, dead_before: Millis, limit: usize) -> StoreFuture<'_, u64> {
        self.write(Effect::WriteMany, 0, move |connection| {
            sweep::sweep(connection, now, dead_before, limit)
        })
    }

    fn state_get(&self, group: GroupKey, key: String) -> StoreFuture<'_, Option<Json>> {
        self.read(move |connection| state::get(connection, &group, &key))
    }

    fn state_set(
        &self,
        group: GroupKey,
        key: String,
        value: Json,
        reaction: Option<Reaction>,
        now: Millis,
    ) -> StoreFuture<'_, Option<Json>> {
        let effect = effect_of(reaction.as_ref());
        self.write(effect, value.len(), move |connection| {
            state::set(connection, &group, &key, &value, reaction.as_ref(), now)
        })
    }

    fn state_delete(
        &self,
        group: GroupKey,
        key: String,
        reaction: Option<Reaction>,
        now: Millis,
    ) -> StoreFuture<'_, Option<Json>> {
        self.write(effect_of(reaction.as_ref()), 0, move |connection| {
            state::delete(connection, &group, &key, reaction.as_ref(), now)
        })
    }

    fn state_group(&self, group: GroupKey, max_bytes: usize) -> StoreFuture<'_, Vec<Entry>> {
        self.read(move |connection| state::entries(connection, &group, max_bytes))
    }

    fn state_clear(
        &self,
        group: GroupKey,
        reaction: Option<Reaction>,
        now: Millis,
    ) -> StoreFuture<'_, u64> {
        self.write(effect_of(reaction.as_ref()), 0, move |connection| {
            state::clear(connection, &group, reaction.as_ref(), now)
        })
    }

    fn state_update(
        &self,
        group: GroupKey,
        key: String,
        ops: Vec<UpdateOp>,
        max_bytes: usize,
        reaction: Option<Reaction>,
        now: Millis,
    ) -> StoreFuture<'_, Json> {
        let bytes = ops.len() * ROW_BYTES;
        self.write(effect_of(reaction.as_ref()), bytes, move |connection| {
            state::update(connection, &group, &key, &ops, max_bytes, reaction.as_ref(), now)
        })
    }

    fn item_get(&self, group: GroupKey, id: String) -> StoreFuture<'_, Option<StoredItem>> {
        self.read(move |connection| streams::get(connection, &group, &id))
    }

    fn item_set(
        &self,
        group: GroupKey,
        id: String,
        data: Json,
        reaction: Option<Reaction>,
        now: Millis,
    ) -> StoreFuture<'_, ItemChange> {
        let news = Arc::clone(&self.news);
        self.write(Effect::WriteMany, data.len(), move |connection| {
            streams::set(connection, &news, &group, &id, &data, reaction.as_ref(), now)
        })
    }

    fn item_delete(
        &self,
        group: GroupKey,
        id: String,
        reaction: Option<Reaction>,
        now: Millis,
    ) -> StoreFuture<'_, ItemChange> {
        let news = Arc::clone(&self.news);
        self.write(Effect::WriteMany, 0, move |connection| {
            streams::delete(connection, &news, &group, &id, reaction.as_ref(), now)
        })
    }

    fn item_group(&self, group: GroupKey, max_bytes: usize) -> StoreFuture<'_, Vec<StoredItem>> {
        self.read(move |connection| streams::items(connection, &group, max_bytes))
    }

    fn follow_streams(&self, follower: Arc<dyn StreamFollower>) {
        self.news.follow(follower);
    }

    fn item_send(&self, event: SentEvent) -> StoreFuture<'_, ()> {
        let news = Arc::clone(&self.news);
        self.read(move |_| {
            news.sent(event);
            Ok(())
        })
    }

    fn item_snapshot(
        &self,
        group: GroupKey,
        id: Option<String>,
        max_bytes: usize,
    ) -> StoreFuture<'_, ItemSnapshot> {
        self.look(move |connection| streams::snapshot(connection, &group, id.as_deref(), max_bytes))
    }

    fn items_since(
        &self,
        group: GroupKey,
        since: i64,
        max_bytes: usize,
    ) -> StoreFuture<'_, Option<Vec<ItemEvent>>> {
        self.look(move |connection| streams::since(connection, &group, since, max_bytes))
    }

    fn state_groups(&self, tenant: TenantId, page: PageFilter) -> StoreFuture<'_, Vec<StateGroup>> {
        self.browse(move |connection| browse::state_groups(connection, &tenant, &page))
    }

    fn state_entries(&self, group: GroupKey, page: PageFilter) -> StoreFuture<'_, Vec<StateEntry>> {
        self.browse(move |connection| browse::state_entries(connection, &group, &page))
    }

    fn state_entry(&self, group: GroupKey, key: String) -> StoreFuture<'_, Option<StateEntry>> {
        self.look(move |connection| browse::state_entry(connection, &group, &key))
    }

    fn stream_groups(
        &self,
        tenant: TenantId,
        stream: String,
        page: PageFilter,
    ) -> StoreFuture<'_, Vec<StreamGroup>> {
        self.browse(move |connection| browse::stream_groups(connection, &tenant, &stream, &page))
    }

    fn stream_items(&self, group: GroupKey, page: PageFilter) -> StoreFuture<'_, Vec<StreamEntry>> {
        self.browse(move |connection| browse::stream_items(connection, &group, &page))
    }

    fn stream_item(&self, group: GroupKey, id: String) -> StoreFuture<'_, Option<StreamEntry>> {
        self.look(move |connection| browse::stream_item(connection, &group, &id))
    }

    fn stream_group_counts(&self, tenant: TenantId) -> StoreFuture<'_, Vec<(String, u64)>> {
        self.browse(move |connection| browse::stream_group_counts(connection, &tenant))
    }

    fn audit(&self, entry: AuditEntry) -> StoreFuture<'_, ()> {
        let bytes = entry.detail.as_ref().map_or(0, String::len);
        self.write_on_disk(bytes, move |connection| audit::add(connection, &entry))
    }

    fn audits(
        &self,
        tenant: TenantId,
        before: Option<i64>,
        limit: usize,
    ) -> StoreFuture<'_, Vec<Audit>> {
        self.look(move |connection| audit::list(connection, &tenant, before, limit))
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::DiskFull) => Self::Full(error.to_string()),
            _ => Self::Failed(error.to_string()),
        }
    }
}

/// A write of one value is one statement, unless it also stores an event.
fn effect_of(reaction: Option<&Reaction>) -> Effect {
    if reaction.is_some() { Effect::WriteMany } else { Effect::WriteOne }
}

fn event_bytes(event: &NewEvent) -> usize {
    event.data.len() + event.deliveries.len() * ROW_BYTES
}

fn write_bytes(write: &Write) -> usize {
    ROW_BYTES
        + match write {
            Write::SetState { value, .. } => value.len(),
            Write::SetItem { data, .. } => data.len(),
            Write::Emit(event) => event_bytes(event),
            Write::Send(event) => event.data.len(),
            Write::DeleteState { .. } | Write::ClearState { .. } | Write::DeleteItem { .. } => 0,
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
