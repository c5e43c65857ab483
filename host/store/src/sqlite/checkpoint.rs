//! The thread that moves what was committed from the log into the database file, so that no commit does it.
//!
//! It runs beside the writer and never waits for it. Under a load that does not pause, the log is never
//! empty when it is done, and would grow without end; the writer then finishes a checkpoint itself, of which
//! little is left.

use std::{
    io,
    sync::{
        Arc, Condvar, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use rusqlite::Connection;

use super::writer::{end_process, is_io_failure};

/// How often the log is looked at while there are commits.
const INTERVAL: Duration = Duration::from_millis(100);

/// After so many looks without a commit, what is in the log is moved however little it is.
const QUIET_LOOKS: u32 = 20;

/// The writer helps when the log has so many times the bytes at which a checkpoint begins.
const TOO_LONG: u64 = 8;

/// What the writer and the thread tell each other.
#[derive(Default)]
pub(super) struct Signals {
    pub commits: AtomicU64,
    pub checkpoints: AtomicU64,
    /// The log has grown long: the writer is to finish the next checkpoint.
    pub help: AtomicBool,
}

/// The thread's owner.
pub(super) struct Checkpointer {
    stop: Arc<(Mutex<bool>, Condvar)>,
    thread: Option<JoinHandle<()>>,
}

impl Checkpointer {
    /// `bytes`: how long the log gets before it is worth moving.
    pub fn start(connection: Connection, signals: Arc<Signals>, bytes: u64) -> io::Result<Self> {
        let stop = Arc::new((Mutex::new(false), Condvar::new()));
        let worker = Worker { connection, signals, bytes, stop: Arc::clone(&stop) };
        let thread = thread::Builder::new()
            .name("motia-checkpoint".to_owned())
            .spawn(move || worker.work())?;
        Ok(Self { stop, thread: Some(thread) })
    }
}

impl Drop for Checkpointer {
    fn drop(&mut self) {
        *self.stop.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.stop.1.notify_all();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the checkpoint thread panicked");
        }
    }
}

struct Worker {
    connection: Connection,
    signals: Arc<Signals>,
    bytes: u64,
    stop: Arc<(Mutex<bool>, Condvar)>,
}

impl Worker {
    fn work(self) {
        let (mut seen, mut moved, mut quiet) = (0, 0, 0);
        while !self.stopped_after(INTERVAL) {
            let commits = self.signals.commits.load(Ordering::Relaxed);
            quiet = if commits == seen { quiet + 1 } else { 0 };
            seen = commits;
            if moved == commits || (quiet != QUIET_LOOKS && quiet > 0) {
                continue;
            }
            let length = match log_bytes(&self.connection) {
                Ok(length) => length,
                Err(error) => {
                    tracing::warn!("the log's length cannot be read: {error}");
                    continue;
                }
            };
            if length < self.bytes && quiet != QUIET_LOOKS {
                continue;
            }
            if checkpoint(&self.connection, &self.signals) {
                moved = commits;
            }
            if length > self.bytes.saturating_mul(TOO_LONG) {
                self.signals.help.store(true, Ordering::Relaxed);
            }
        }
    }

    fn stopped_after(&self, wait: Duration) -> bool {
        let stop = self.stop.0.lock().unwrap_or_else(PoisonError::into_inner);
        match self.stop.1.wait_timeout_while(stop, wait, |stop| !*stop) {
            Ok((stop, _)) => *stop,
            Err(_) => true,
        }
    }
}

/// The bytes of the log that are not yet in the database file.
fn log_bytes(connection: &Connection) -> rusqlite::Result<u64> {
    const PAGE_BYTES: u64 = 4096;
    let frames = connection.query_row("PRAGMA wal_checkpoint(NOOP)", (), |row| {
        Ok(row.get::<_, i64>(1)? - row.get::<_, i64>(2)?)
    })?;
    Ok(u64::try_from(frames).unwrap_or(0) * PAGE_BYTES)
}

/// Moves as much as readers and the writer allow without waiting for them; false if there is no room on the disk.
///
/// After a failed sync the process ends, as it does after a failed commit. SQLite syncs the database file only
/// when everything in the log was moved, so what failed to reach the disk may be pages of an earlier checkpoint; a next
/// one would not write them again, and give the log free over them.
pub(super) fn checkpoint(connection: &Connection, signals: &Signals) -> bool {
    match connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", (), |_| Ok(())) {
        Ok(()) => {
            signals.checkpoints.fetch_add(1, Ordering::Relaxed);
            true
        }
        Err(error) if is_io_failure(&error) => end_process("a checkpoint", &error),
        Err(error) => {
            tracing::warn!("a checkpoint failed, the log is kept: {error}");
            false
        }
    }
}
