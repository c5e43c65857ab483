//! What must not be lost: events and their deliveries, dead letters, state, stream items, cron ticks.
//!
//! This crate knows no WebAssembly, no HTTP and no subscriptions; it is told who a delivery is for and
//! what holds it back. Start with the trait [`Store`]; [`SqliteStore`] is what `motia serve` uses,
//! [`MemoryStore`] is the model that tests compare it with. [`Telemetry`] keeps what happened, for
//! people; it is apart, because losing its last second loses no work.
//!
//! Reads and writes take effect in the order in which they are called and are visible to the next
//! call at once. They are on disk once [`Store::barrier`] (or any call that says so) has returned:
//! many invocations share one commit.

#![deny(missing_docs)]

mod audit;
mod browse;
mod commit;
mod dead_letter;
mod delivery;
mod event_ids;
mod live;
mod memory;
mod pace;
mod query;
mod sqlite;
mod telemetry;
mod update;
mod value;

use std::{
    future::Future,
    path::{Path, PathBuf},
    pin::Pin,
    sync::Arc,
};

use motia_manifest::{StepName, TenantId};

pub use audit::{Audit, AuditEntry};
pub use browse::{PageFilter, StateEntry, StateGroup, StreamEntry, StreamGroup};
pub use commit::{Answer, Commit, End, KeyPattern, NewAnswer, Reaction, Read, Write};
pub use dead_letter::{DeadLetter, DeadLetterFilter, Redrive};
pub use delivery::{
    AttemptError, Batch, BatchClaim, ClaimRequest, Claimed, Debounce, Delivery, DeliveryFilter,
    DeliveryInfo, DeliveryState, Emitted, EventKind, Lane, LaneOrder, Lease, NewDelivery, NewEvent,
    QueueInfo, Rate, RateLimit, Unique,
};
pub use event_ids::EventIds;
pub use live::{ItemAction, ItemEvent, ItemSnapshot, SentEvent, StreamFollower, StreamNews};
pub use memory::MemoryStore;
pub use query::{
    QueryAnswer, QueryColumn, QueryCommand, QueryError, QueryExample, QueryRequest, QuerySchema,
    QueryTable, query, query_schema, query_worker,
};
pub use sqlite::{Backup, Replace, SqliteOptions, SqliteStore, backup, restore};
pub use telemetry::{
    LogEntry, LogFilter, LogSeverity, Recorded, Run, RunFilter, RunStatus, Span, Telemetry,
    TelemetryOptions,
};
pub use update::{UpdateOp, apply_update};
pub use value::{Entry, GroupKey, ItemChange, StoredItem};

/// Milliseconds since 1970-01-01 UTC.
pub type Millis = i64;

/// One valid JSON text.
pub type Json = String;

/// The exit code of the process after an I/O error in a commit: what is on disk is unknown then, and
/// only a restart reads it again. `sysexits.h` calls it `EX_IOERR`.
pub const EXIT_STORE_FAILED: i32 = 74;

/// Why the store did not do what it was asked.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// Another host has the data directory.
    #[error("the data directory {} is in use by another motia process; stop it or choose another with --data", .0.display())]
    InUse(PathBuf),
    /// The data directory was written by a newer version.
    #[error("{} was written by a newer version of motia (schema {found}, this one knows {known}); upgrade motia", path.display())]
    Newer {
        /// The database file.
        path: PathBuf,
        /// Its schema version.
        found: i64,
        /// The newest schema version that this program knows.
        known: i64,
    },
    /// A file is something else than a store.
    #[error("{} is not a motia database; choose another directory with --data", .0.display())]
    Foreign(PathBuf),
    /// An update does not fit the value.
    #[error("{0}")]
    Update(String),
    /// The attempt's lease is over: another attempt has the delivery, or it was ended.
    #[error("the lease of this attempt is over")]
    StaleLease,
    /// What the invocation has read was changed by another one before it could commit.
    #[error("{0} was changed by another invocation in the meantime")]
    Conflict(String),
    /// There is no room on the disk; nothing is lost, and nothing new is taken until there is.
    #[error("the disk with the data directory is full: {0}")]
    Full(String),
    /// Nothing with this id.
    #[error("there is no {0}")]
    NotFound(String),
    /// The database or the file system failed.
    #[error("the store failed: {0}")]
    Failed(String),
}

/// What a store call answers.
pub type StoreResult<T> = Result<T, StoreError>;

/// The future of a store call.
pub type StoreFuture<'a, T> = Pin<Box<dyn Future<Output = StoreResult<T>> + Send + 'a>>;

/// How a cron tick treats what its step still has to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Overlap {
    /// Runs beside it.
    #[default]
    Allow,
    /// Is skipped.
    Skip,
    /// Ends it, waiting or not, and takes its place.
    Cancel,
}

/// What became of a cron tick.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tick {
    /// It is to be run: its event is stored. Deliveries that were ended for it are named.
    Taken {
        /// Those that [`Overlap::Cancel`] ended.
        cancelled: Vec<i64>,
    },
    /// It was taken before.
    Known,
    /// [`Overlap::Skip`] has skipped it.
    Skipped,
}

/// A step's queue settings, as an operator changed them at run time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueSettings {
    /// The step.
    pub step: StepName,
    /// The settings; the store does not look into them.
    pub settings: Json,
}

/// What a store has done since it was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StoreFigures {
    /// Transactions.
    pub commits: u64,
    /// Times that the log was moved into the database file.
    pub checkpoints: u64,
    /// How often the disk was told to keep what it was given: once for a commit, twice for a checkpoint.
    pub syncs: u64,
}

/// Marks a moment between two losses of what was not on disk; see [`Store::epoch`].
pub type StoreEpoch = u64;

/// The operations that a host needs.
pub trait Store: Send + Sync + 'static {
    /// Gives ids for events.
    fn event_ids(&self) -> &EventIds;

    /// Grows when writes that were visible, but not yet on disk, are lost because the disk is full. Whoever has
    /// seen or made writes since an older epoch must not acknowledge anything: [`Store::barrier`] and
    /// [`Store::commit`] refuse with [`StoreError::Full`].
    fn epoch(&self) -> StoreEpoch;

    /// Returns once everything that was called before is on disk.
    ///
    /// Fails with [`StoreError::Full`] if something since `since` was lost.
    fn barrier(&self, since: StoreEpoch) -> StoreFuture<'_, ()>;

    /// Where it keeps its files; none for one that has no disk.
    fn directory(&self) -> Option<&Path> {
        None
    }

    /// What the store has done since it was opened; nothing for one that has no disk.
    fn figures(&self) -> StoreFigures {
        StoreFigures::default()
    }

    /// Whether new work can be taken: [`StoreError::Full`] while the disk is full.
    fn check_room(&self) -> StoreResult<()>;

    /// Stores an event and its deliveries.
    ///
    /// In this order: an event whose unique name is known is not stored. A delivery that breaks its rate limit is
    /// dropped. One that is debounced replaces the waiting one (unclaimed and never attempted) of the same step
    /// and debounce key: that takes over the event, lane, priority, throttle key and expiry, is due `period_ms` from
    /// now, at most `max_wait_ms` after the first one was emitted, and keeps its id. One that is batched is due
    /// `timeout_ms` later than its time, or, when `size` of its step and batch key wait for company only, together
    /// with the oldest `size` of them at once. One in a fifo lane in which others are is parked, or if a dead letter
    /// blocks the lane. An event without deliveries is not stored, but its unique name is.
    fn emit(&self, event: NewEvent, now: Millis) -> StoreFuture<'_, Emitted>;

    /// Claims deliveries of a step that are due and not parked: higher priorities first, then by time, then by
    /// id. Each gets a new lease epoch, its attempt is counted, and nobody else can claim it until `lease_until`
    /// or until it is ended. A delivery whose lease has run out is due again.
    ///
    /// A delivery in a fifo lane is parked instead if one with a lower id is in its lane, or a dead letter blocks it. One
    /// in another lane is parked instead if `lane_width` of its lane are leased with leases that have not run out. One
    /// that the throttle has not admitted yet gets the next free time of the throttle instead, if that is
    /// later than now, and is admitted then. With `batch`, one of a batch takes along those of the same key that are due,
    /// or that were never attempted and wait for company only, by id, until there are `size`.
    ///
    /// Looks at most at `limit` + 256 deliveries.
    fn claim(&self, request: ClaimRequest) -> StoreFuture<'_, Claimed>;

    /// Makes every claimed delivery due again: called once at start, when no attempt can be running.
    fn release_all(&self) -> StoreFuture<'_, u64>;

    /// Makes parked deliveries of a step claimable, at most `limit`: for when its limits were changed. Returns
    /// how many there were; claims park again what must wait.
    fn unpark(&self, tenant: TenantId, step: StepName, limit: usize) -> StoreFuture<'_, u64>;

    /// Lets deliveries of a step that the throttle has put off be admitted anew, at most `limit`, for when its limits
    /// were changed. Returns how many there were.
    fn unthrottle(&self, tenant: TenantId, step: StepName, limit: usize) -> StoreFuture<'_, u64>;

    /// Ends an invocation. On disk when it returns.
    ///
    /// Fails with [`StoreError::StaleLease`] when a lease is over, with [`StoreError::Conflict`] when something
    /// that it has read was changed, with [`StoreError::Full`] if something since `since` was lost; nothing takes effect
    /// then. A delivery that ends or waits for another attempt makes room in its lane: the first parked one of the
    /// lane becomes claimable; in a fifo lane only when the delivery is gone and blocks nothing.
    fn commit(&self, commit: Commit, now: Millis, since: StoreEpoch) -> StoreFuture<'_, ()>;

    /// Removes deliveries, claimed or not; a claimed one's lease is over. On disk when it returns. Returns the ids of those
    /// that there were.
    fn cancel(&self, tenant: TenantId, deliveries: Vec<i64>) -> StoreFuture<'_, Vec<i64>>;

    /// Removes the deliveries of an event that were never attempted and are not leased. On disk when it returns. Returns
    /// their ids.
    fn cancel_event(&self, tenant: TenantId, event_id: i64) -> StoreFuture<'_, Vec<i64>>;

    /// Deliveries, by id.
    fn deliveries(
        &self,
        tenant: TenantId,
        filter: DeliveryFilter,
        now: Millis,
    ) -> StoreFuture<'_, Vec<DeliveryInfo>>;

    /// The queues that hold anything, by step.
    fn queues(&self, tenant: TenantId, now: Millis) -> StoreFuture<'_, Vec<QueueInfo>>;

    /// Dead letters, the highest id first, those with a smaller id than `before` only.
    fn dead_letters(
        &self,
        tenant: TenantId,
        filter: DeadLetterFilter,
        before: Option<i64>,
        limit: usize,
    ) -> StoreFuture<'_, Vec<DeadLetter>>;

    /// Removes dead letters, at most `limit`, and lets those behind them go on. On disk when it returns. Returns their
    /// ids, the smallest first.
    fn discard(
        &self,
        tenant: TenantId,
        filter: DeadLetterFilter,
        limit: usize,
    ) -> StoreFuture<'_, Vec<i64>>;

    /// Begins to bring dead letters back. On disk when it returns. Returns the redrive's id.
    fn start_redrive(
        &self,
        tenant: TenantId,
        filter: DeadLetterFilter,
        per_second: u32,
        now: Millis,
    ) -> StoreFuture<'_, i64>;

    /// The redrives that are not done.
    fn redrives(&self, tenant: TenantId) -> StoreFuture<'_, Vec<Redrive>>;

    /// Brings back at most `limit` dead letters of a redrive, oldest first: each is a delivery again, due now, with its
    /// old id, priority -1, no attempts and no lane but its fifo lane. Ends the redrive when none is left. Returns the steps to
    /// which they belong, once for each letter.
    fn redrive_some(&self, id: i64, limit: usize, now: Millis) -> StoreFuture<'_, Vec<StepName>>;

    /// Ends a redrive before its time; what was moved stays moved. Returns whether there was one.
    fn stop_redrive(&self, tenant: TenantId, id: i64) -> StoreFuture<'_, bool>;

    /// The queue settings that were changed at run time.
    fn queue_settings(&self, tenant: TenantId) -> StoreFuture<'_, Vec<QueueSettings>>;

    /// Changes a queue's settings; none forgets them. On disk when it returns.
    fn set_queue_settings(
        &self,
        tenant: TenantId,
        step: StepName,
        settings: Option<Json>,
    ) -> StoreFuture<'_, ()>;

    /// Takes a cron tick for the step of the event's only delivery, and stores its event: for exactly one caller
    /// per tenant, step and time. On disk when it returns.
    ///
    /// Ticks are forgotten 30 days before the step's newest one; one that is older counts as known.
    fn take_tick(
        &self,
        event: NewEvent,
        scheduled_at: Millis,
        overlap: Overlap,
        now: Millis,
    ) -> StoreFuture<'_, Tick>;

    /// The newest tick of a step that was taken or skipped.
    fn last_tick(&self, tenant: TenantId, step: StepName) -> StoreFuture<'_, Option<Millis>>;

    /// The answer that was given to a request with this idempotency key.
    fn answer(
        &self,
        tenant: TenantId,
        step: StepName,
        key: String,
        now: Millis,
    ) -> StoreFuture<'_, Option<Answer>>;

    /// Forgets what has expired: unique names, answers, paces that no longer matter, and dead letters that died before
    /// `dead_before` and block no lane; at most `limit` of each. Returns how many.
    fn sweep(&self, now: Millis, dead_before: Millis, limit: usize) -> StoreFuture<'_, u64>;

    /// A state value.
    fn state_get(&self, group: GroupKey, key: String) -> StoreFuture<'_, Option<Json>>;

    /// Stores a state value and returns the one before.
    fn state_set(
        &self,
        group: GroupKey,
        key: String,
        value: Json,
        reaction: Option<Reaction>,
        now: Millis,
    ) -> StoreFuture<'_, Option<Json>>;

    /// Deletes a state value and returns it.
    fn state_delete(
        &self,
        group: GroupKey,
        key: String,
        reaction: Option<Reaction>,
        now: Millis,
    ) -> StoreFuture<'_, Option<Json>>;

    /// All values of exactly this group, by key, as long as they are not more than `max_bytes` in all.
    ///
    /// Fails with [`StoreError::Update`] when they are.
    fn state_group(&self, group: GroupKey, max_bytes: usize) -> StoreFuture<'_, Vec<Entry>>;

    /// Deletes all values of exactly this group and returns how many there were.
    fn state_clear(
        &self,
        group: GroupKey,
        reaction: Option<Reaction>,
        now: Millis,
    ) -> StoreFuture<'_, u64>;

    /// Applies all operations or none, as [`apply_update`] does, and returns the new value.
    ///
    /// Fails with [`StoreError::Update`] when an operation does not fit the value, or when the new
    /// value has more than `max_bytes`.
    fn state_update(
        &self,
        group: GroupKey,
        key: String,
        ops: Vec<UpdateOp>,
        max_bytes: usize,
        reaction: Option<Reaction>,
        now: Millis,
    ) -> StoreFuture<'_, Json>;

    /// A stream item.
    fn item_get(&self, group: GroupKey, id: String) -> StoreFuture<'_, Option<StoredItem>>;

    /// Stores a stream item under the group's next offset.
    fn item_set(
        &self,
        group: GroupKey,
        id: String,
        data: Json,
        reaction: Option<Reaction>,
        now: Millis,
    ) -> StoreFuture<'_, ItemChange>;

    /// Deletes a stream item under the group's next offset; no change if there is none.
    fn item_delete(
        &self,
        group: GroupKey,
        id: String,
        reaction: Option<Reaction>,
        now: Millis,
    ) -> StoreFuture<'_, ItemChange>;

    /// All items of exactly this group, by id, as long as they are not more than `max_bytes` in all.
    ///
    /// Fails with [`StoreError::Update`] when they are.
    fn item_group(&self, group: GroupKey, max_bytes: usize) -> StoreFuture<'_, Vec<StoredItem>>;

    /// Names who is told of what happens to streams; only the first call counts.
    fn follow_streams(&self, follower: Arc<dyn StreamFollower>);

    /// Tells those who follow a stream something that is not stored, behind everything that was called before.
    fn item_send(&self, event: SentEvent) -> StoreFuture<'_, ()>;

    /// The items of exactly this group, or one of them, and the number of the group's last change. Sees what is on disk,
    /// so that whoever followed before it asked misses nothing.
    ///
    /// Fails with [`StoreError::Update`] when they have more than `max_bytes` in all.
    fn item_snapshot(
        &self,
        group: GroupKey,
        id: Option<String>,
        max_bytes: usize,
    ) -> StoreFuture<'_, ItemSnapshot>;

    /// What differs in a group since its change number `since`: the last change of each item, by offset. None if
    /// that is not known any more, has never been, or has more than `max_bytes` in all.
    fn items_since(
        &self,
        group: GroupKey,
        since: i64,
        max_bytes: usize,
    ) -> StoreFuture<'_, Option<Vec<ItemEvent>>>;

    /// The groups of state that have values, by name.
    fn state_groups(&self, tenant: TenantId, page: PageFilter) -> StoreFuture<'_, Vec<StateGroup>>;

    /// The values of exactly this group, by key. Those of more than 64 KiB are not shown, and none once the list shows
    /// 8 MiB.
    fn state_entries(&self, group: GroupKey, page: PageFilter) -> StoreFuture<'_, Vec<StateEntry>>;

    /// A state value, however long, with what is known about it.
    fn state_entry(&self, group: GroupKey, key: String) -> StoreFuture<'_, Option<StateEntry>>;

    /// The groups of a stream that have items, by name.
    fn stream_groups(
        &self,
        tenant: TenantId,
        stream: String,
        page: PageFilter,
    ) -> StoreFuture<'_, Vec<StreamGroup>>;

    /// The items of exactly this group, by id, shown as [`Store::state_entries`] shows values.
    fn stream_items(&self, group: GroupKey, page: PageFilter) -> StoreFuture<'_, Vec<StreamEntry>>;

    /// A stream item, however long, with what is known about it.
    fn stream_item(&self, group: GroupKey, id: String) -> StoreFuture<'_, Option<StreamEntry>>;

    /// How many groups with items each stream has, by name; streams without any are left out.
    fn stream_group_counts(&self, tenant: TenantId) -> StoreFuture<'_, Vec<(String, u64)>>;

    /// Notes a change that somebody has made by hand. On disk when it returns. The newest 100,000 are kept.
    fn audit(&self, entry: AuditEntry) -> StoreFuture<'_, ()>;

    /// The changes that were made by hand, newest first, those with a smaller id than `before` only.
    fn audits(
        &self,
        tenant: TenantId,
        before: Option<i64>,
        limit: usize,
    ) -> StoreFuture<'_, Vec<Audit>>;
}
