//! The store on disks that fail: power cuts, a failed fsync, no room.
//!
//! SQLite reaches the disk through a VFS of these tests ([`vfs`]), which keeps a log of all that changes the directory.
//! From that log, [`images`] makes what may be on the disk after a power cut at any moment. `MOTIA_CRASH_IMAGES`
//! says how many of those are looked at, `MOTIA_SEED` repeats their choice.

mod check;
mod failed_sync;
mod full_disk;
mod images;
mod power_cut;
mod vfs;
mod workload;

use std::path::Path;

use motia_manifest::{StepName, TenantId, TraceId};
use motia_store::{
    ClaimRequest, EventKind, GroupKey, Millis, NewDelivery, NewEvent, SqliteOptions,
};
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

use self::vfs::Disk;

/// The step whose deliveries are claimed.
const WORK: &str = "work";

/// How long a lease lasts; the tests count time in calls.
const LEASE: Millis = 1000;

/// So many rows are all rows.
const ALL: usize = 1 << 20;

/// A directory in memory where there is one: what would be lost is in the VFS's log, and a real disk only takes longer.
fn scratch() -> TempDir {
    let memory = Path::new("/dev/shm");
    let dir = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    dir.expect("a temporary directory")
}

/// A store that moves its log often and takes new work until the disk is full.
fn options(disk: Option<&Disk>) -> SqliteOptions {
    SqliteOptions {
        vfs: disk.map(|disk| disk.name().to_owned()),
        checkpoint_bytes: 32 << 10,
        min_free_bytes: 0,
    }
}

fn runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).enable_time().build().expect("a runtime")
}

/// A group of state.
fn state(group: &str) -> GroupKey {
    GroupKey { tenant: TenantId::default(), stream: None, group: group.to_owned() }
}

/// A stream with one group.
fn stream(name: &str) -> GroupKey {
    GroupKey { tenant: TenantId::default(), stream: Some(name.to_owned()), group: "all".to_owned() }
}

/// An event with one delivery.
fn event(id: i64, data: String, delivery: NewDelivery) -> NewEvent {
    NewEvent {
        id,
        tenant: TenantId::default(),
        kind: EventKind::Event,
        topic: "topic".to_owned(),
        data,
        headers: None,
        trace_id: TraceId::from("trace"),
        message_group_id: None,
        depth: 0,
        cause: None,
        unique: None,
        deliveries: vec![delivery],
    }
}

fn claim(limit: usize, now: Millis) -> ClaimRequest {
    ClaimRequest {
        tenant: TenantId::default(),
        step: StepName::from(WORK),
        limit,
        now,
        lease_until: now + LEASE,
        lane_width: 1,
        throttle: None,
        batch: None,
    }
}
