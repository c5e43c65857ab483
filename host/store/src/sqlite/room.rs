//! Whether there is room on the disk.
//!
//! New work is refused while there is still enough left for what has begun. If the disk is full all the
//! same, because others fill it, a transaction is lost in which operations were answered already. Nobody has been
//! told that they are on disk, and the epoch lets nobody say so later.

use std::{
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use crate::{StoreEpoch, StoreError, StoreResult};

/// How often the disk is asked.
const ASK_EVERY: Duration = Duration::from_millis(100);

pub(super) struct Room {
    dir: PathBuf,
    min_free_bytes: u64,
    /// See [`crate::Store::epoch`].
    pub epoch: AtomicU64,
    /// A write has failed for want of space, and none has succeeded since.
    pub full: AtomicBool,
    asked: Mutex<Option<(Instant, u64)>>,
}

impl Room {
    pub fn new(dir: &Path, min_free_bytes: u64) -> Self {
        Self {
            dir: dir.to_owned(),
            min_free_bytes,
            epoch: AtomicU64::new(0),
            full: AtomicBool::new(false),
            asked: Mutex::new(None),
        }
    }

    /// Whether new work can be taken.
    pub fn check(&self) -> StoreResult<()> {
        if self.full.load(Ordering::Acquire) {
            return Err(StoreError::Full("a write has failed".to_owned()));
        }
        let free = self.free_bytes();
        if free >= self.min_free_bytes {
            return Ok(());
        }
        Err(StoreError::Full(format!(
            "{} MiB are free in {}, at least {} are needed to take new work",
            free >> 20,
            self.dir.display(),
            self.min_free_bytes >> 20
        )))
    }

    /// What was visible, but not on disk, is lost.
    pub fn lose(&self) -> StoreEpoch {
        self.full.store(true, Ordering::Release);
        self.epoch.fetch_add(1, Ordering::AcqRel) + 1
    }

    fn free_bytes(&self) -> u64 {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, free)) = *asked
            && at.elapsed() < ASK_EVERY
        {
            return free;
        }
        // A system that does not say has room until a write fails.
        let free = free_bytes(&self.dir).unwrap_or(u64::MAX);
        *asked = Some((Instant::now(), free));
        free
    }
}

pub(super) fn lost() -> StoreError {
    StoreError::Full(
        "what this invocation has written is lost; nothing of it was acknowledged".to_owned(),
    )
}

#[cfg(unix)]
fn free_bytes(dir: &Path) -> Option<u64> {
    let stat = rustix::fs::statvfs(dir).ok()?;
    Some(stat.f_bavail.saturating_mul(stat.f_frsize))
}

#[cfg(not(unix))]
fn free_bytes(_: &Path) -> Option<u64> {
    None
}
