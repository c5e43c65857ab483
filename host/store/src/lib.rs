//! What must not be lost: events and their deliveries, dead letters, state, stream items, cron ticks.
//!
//! This crate knows no WebAssembly, no HTTP and no subscriptions; it is told who a delivery is for.
//! Start with the trait [`Store`]; [`SqliteStore`] is what `motia serve` uses, [`MemoryStore`] is the
//! model that tests compare it with.
//!
//! Reads and writes take effect in the order in which they are called and are visible to the next
//! call at once. They are on disk once [`Store::barrier`] (or any call that says so) has returned:
//! many invocations share one commit.

#![deny(missing_docs)]

mod memory;
mod sqlite;
mod update;

use std::{future::Future, path::PathBuf, pin::Pin};

use motia_manifest::{StepName, TenantId, TraceId};
use serde::{Deserialize, Serialize};

pub use memory::MemoryStore;
pub use sqlite::SqliteStore;
pub use update::{UpdateOp, apply_update};

/// Milliseconds since 1970-01-01 UTC.
pub type Millis = i64;

/// One valid JSON text.
pub type Json = String;

/// The exit code of the process after an I/O error in a commit: what is on disk is unknown then, and
/// only a restart reads it again. `sysexits.h` calls it `EX_IOERR`.
pub const EXIT_STORE_FAILED: i32 = 74;

/// Why the store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
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

/// An event to be stored, with one delivery for every subscriber.
#[derive(Debug, Clone, PartialEq)]
pub struct NewEvent {
    /// Whose it is.
    pub tenant: TenantId,
    /// The topic.
    pub topic: String,
    /// What was emitted.
    pub data: Json,
    /// What it belongs to.
    pub trace_id: TraceId,
    /// The key within which deliveries to `fifo` queues are in order.
    pub message_group_id: Option<String>,
    /// Who gets it.
    pub deliveries: Vec<NewDelivery>,
}

/// One subscriber of a new event.
#[derive(Debug, Clone, PartialEq)]
pub struct NewDelivery {
    /// The step.
    pub step: StepName,
    /// When the first attempt may start.
    pub due_at: Millis,
}

/// A delivery that was claimed: the right to attempt it until the lease ends.
#[derive(Debug, Clone, PartialEq)]
pub struct Delivery {
    /// Unique in the store.
    pub id: i64,
    /// Counts claims; a commit with an older one is refused.
    pub lease_epoch: i64,
    /// Whose it is.
    pub tenant: TenantId,
    /// Who gets it.
    pub step: StepName,
    /// The event's topic.
    pub topic: String,
    /// The event's data.
    pub data: Json,
    /// What the event belongs to.
    pub trace_id: TraceId,
    /// The event's message group.
    pub message_group_id: Option<String>,
    /// 1 for the first attempt.
    pub attempt: u32,
    /// When the event was emitted.
    pub emitted_at: Millis,
}

/// The name of a claimed delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    /// The delivery.
    pub delivery: i64,
    /// The claim.
    pub epoch: i64,
}

/// Why an attempt failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AttemptError {
    /// 1 for the first attempt.
    pub attempt: u32,
    /// A stable code such as `handler_failed`.
    pub code: String,
    /// What went wrong, for a person.
    pub message: String,
    /// The guest's stack trace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stack: Option<String>,
    /// When the attempt ended.
    pub failed_at: Millis,
}

/// A delivery that will not be tried again by itself.
#[derive(Debug, Clone, PartialEq)]
pub struct DeadLetter {
    /// The id that the delivery had.
    pub id: i64,
    /// Whose it is.
    pub tenant: TenantId,
    /// Who should have got it.
    pub step: StepName,
    /// The event's topic.
    pub topic: String,
    /// The event's data.
    pub data: Json,
    /// What the event belongs to.
    pub trace_id: TraceId,
    /// The event's message group.
    pub message_group_id: Option<String>,
    /// The error of every attempt, oldest first; the last one is the reason.
    pub errors: Vec<AttemptError>,
    /// When the event was emitted.
    pub emitted_at: Millis,
    /// When the delivery was given up.
    pub died_at: Millis,
}

/// How many deliveries there are, by what they wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct QueueDepth {
    /// Could be claimed now.
    pub ready: u64,
    /// Wait for their time.
    pub delayed: u64,
    /// Are being attempted.
    pub leased: u64,
    /// Are dead letters.
    pub dead: u64,
}

/// A key and its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The key in its group.
    pub key: String,
    /// The value.
    pub value: Json,
}

/// A stream item as it was stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredItem {
    /// The item's id in its group.
    pub id: String,
    /// The item.
    pub data: Json,
    /// The number of the change that made it so; grows by 1 with every change in its group.
    pub offset: i64,
}

/// A change of a stream item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemChange {
    /// The item before; none if there was none.
    pub old: Option<Json>,
    /// The number of the change in its group, from 1. 0 if nothing changed.
    pub offset: i64,
}

/// Where one tenant's value or item lives: its group. For a stream, `group` is preceded by the
/// stream's name in [`GroupKey::stream`].
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GroupKey {
    /// Whose it is.
    pub tenant: TenantId,
    /// The stream's name; none for state.
    pub stream: Option<String>,
    /// The group.
    pub group: String,
}

/// The operations that a host needs.
pub trait Store: Send + Sync + 'static {
    /// Returns once everything that was called before is on disk.
    fn barrier(&self) -> StoreFuture<'_, ()>;

    /// Stores an event and its deliveries. An event without deliveries is not stored.
    fn emit(&self, event: NewEvent, now: Millis) -> StoreFuture<'_, ()>;

    /// Claims up to `limit` deliveries that are due, oldest first, of the named steps only. Each gets
    /// a new lease epoch, its attempt is counted, and nobody else can claim it until `lease_until` or
    /// until it is ended. A delivery whose lease has run out is due again.
    fn claim(
        &self,
        tenant: TenantId,
        steps: Vec<StepName>,
        limit: usize,
        now: Millis,
        lease_until: Millis,
    ) -> StoreFuture<'_, Vec<Delivery>>;

    /// When the next delivery of the tenant becomes due (or its lease runs out); none if there is none.
    fn next_due(&self, tenant: TenantId) -> StoreFuture<'_, Option<Millis>>;

    /// Makes every claimed delivery due again: called once at start, when no attempt can be running.
    fn release_all(&self) -> StoreFuture<'_, u64>;

    /// Puts a claimed delivery back without counting the attempt, due at `due_at`.
    fn release(&self, lease: Lease, due_at: Millis) -> StoreFuture<'_, ()>;

    /// Ends a delivery that succeeded. On disk when it returns, with everything called before.
    ///
    /// Fails with [`StoreError::StaleLease`] when the lease is over.
    fn complete(&self, lease: Lease) -> StoreFuture<'_, ()>;

    /// Records a failed attempt and makes the delivery due again at `retry_at`. On disk when it returns.
    ///
    /// Fails with [`StoreError::StaleLease`] when the lease is over.
    fn retry(&self, lease: Lease, error: AttemptError, retry_at: Millis) -> StoreFuture<'_, ()>;

    /// Records a failed attempt and makes the delivery a dead letter. On disk when it returns.
    ///
    /// Fails with [`StoreError::StaleLease`] when the lease is over.
    fn bury(&self, lease: Lease, error: AttemptError) -> StoreFuture<'_, ()>;

    /// Dead letters, newest first.
    fn dead_letters(&self, tenant: TenantId, limit: usize) -> StoreFuture<'_, Vec<DeadLetter>>;

    /// How many deliveries of a tenant there are.
    fn queue_depth(&self, tenant: TenantId, now: Millis) -> StoreFuture<'_, QueueDepth>;

    /// Takes a cron tick: true for exactly one caller per tenant, step and time. On disk when it returns.
    ///
    /// Ticks are forgotten 30 days before the step's newest one; false for a tick that is older.
    fn take_tick(
        &self,
        tenant: TenantId,
        step: StepName,
        scheduled_at: Millis,
    ) -> StoreFuture<'_, bool>;

    /// A state value.
    fn state_get(&self, group: GroupKey, key: String) -> StoreFuture<'_, Option<Json>>;

    /// Stores a state value and returns the one before.
    fn state_set(&self, group: GroupKey, key: String, value: Json)
    -> StoreFuture<'_, Option<Json>>;

    /// Deletes a state value and returns it.
    fn state_delete(&self, group: GroupKey, key: String) -> StoreFuture<'_, Option<Json>>;

    /// All values of exactly this group, by key, as long as they are not more than `max_bytes` in all.
    ///
    /// Fails with [`StoreError::Update`] when they are.
    fn state_group(&self, group: GroupKey, max_bytes: usize) -> StoreFuture<'_, Vec<Entry>>;

    /// Deletes all values of exactly this group and returns how many there were.
    fn state_clear(&self, group: GroupKey) -> StoreFuture<'_, u64>;

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
    ) -> StoreFuture<'_, Json>;

    /// A stream item.
    fn item_get(&self, group: GroupKey, id: String) -> StoreFuture<'_, Option<StoredItem>>;

    /// Stores a stream item under the group's next offset.
    fn item_set(&self, group: GroupKey, id: String, data: Json) -> StoreFuture<'_, ItemChange>;

    /// Deletes a stream item under the group's next offset; no change if there is none.
    fn item_delete(&self, group: GroupKey, id: String) -> StoreFuture<'_, ItemChange>;

    /// All items of exactly this group, by id, as long as they are not more than `max_bytes` in all.
    ///
    /// Fails with [`StoreError::Update`] when they are.
    fn item_group(&self, group: GroupKey, max_bytes: usize) -> StoreFuture<'_, Vec<StoredItem>>;
}
