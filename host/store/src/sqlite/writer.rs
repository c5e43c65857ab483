//! The thread that owns the database.
//!
//! A commit waits for the disk, a few milliseconds; everything else in an operation takes
//! microseconds. So all operations go through one thread that keeps a transaction open over many of
//! them. Their answers are given at once, because whoever asks next is behind them in the same
//! channel; only the callers who asked to know that it is on disk wait, and one commit serves all who
//! are waiting. No timer delays them: the commit starts when the channel is empty, and the callers who
//! come while it runs are served by the next one.
//!
//! After a failed commit nobody can tell what is on disk, and a second fsync may succeed without having
//! written what the first one lost. So the process ends and the next one reads what there is.

use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
        mpsc::{self, Receiver, RecvTimeoutError, Sender, TryRecvError},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use rusqlite::{Connection, ErrorCode};
use tokio::sync::oneshot;

use crate::{EXIT_STORE_FAILED, StoreError, StoreFuture, StoreResult};

/// So many callers wait for one commit at most: later ones gain little and the first ones wait longer.
const MAX_ANSWERS: usize = 256;

/// A transaction writes about so much at most; the log then stays near the size at which SQLite
/// empties it by itself.
const MAX_BYTES: usize = 4 << 20;

/// What nobody waits for is lost in a crash for so long at most.
const MAX_AGE: Duration = Duration::from_millis(20);

/// More operations than this are refused: the disk does not keep up, and their data is in memory.
const MAX_QUEUED: usize = 1 << 16;

/// What an operation does to the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    /// Nothing.
    Read,
    /// One statement, the last that it runs, writes: it is done or not done by itself.
    WriteOne,
    /// Several statements write: all are undone if one fails.
    WriteMany,
}

/// When the caller of an operation gets its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reply {
    /// As soon as it is known.
    AtOnce,
    /// Once everything up to the operation is on disk.
    OnDisk,
}

type Answer = Box<dyn FnOnce() + Send>;

type Run = Box<dyn FnOnce(StoreResult<&Connection>) -> Done + Send>;

struct Operation {
    effect: Effect,
    reply: Reply,
    bytes: usize,
    run: Run,
}

struct Done {
    failed: bool,
    answer: Answer,
}

#[derive(Default)]
struct Counters {
    queued: AtomicUsize,
    commits: AtomicU64,
}

/// The thread's owner. Dropping it waits until everything is committed.
pub(super) struct Writer {
    sender: Option<Sender<Operation>>,
    thread: Option<JoinHandle<()>>,
    counters: Arc<Counters>,
}

impl Writer {
    pub(super) fn start(connection: Connection) -> io::Result<Self> {
        let (sender, receiver) = mpsc::channel();
        let counters = Arc::new(Counters::default());
        let worker = Worker { connection, receiver, counters: Arc::clone(&counters), batch: None };
        let thread =
            thread::Builder::new().name("motia-store".to_owned()).spawn(move || worker.work())?;
        Ok(Self { sender: Some(sender), thread: Some(thread), counters })
    }

    pub(super) fn commits(&self) -> u64 {
        self.counters.commits.load(Ordering::Relaxed)
    }

    /// Runs an operation after all that were called before, whether or not the future is polled.
    /// `bytes` is about how much it writes.
    pub(super) fn call<T, F>(
        &self,
        effect: Effect,
        reply: Reply,
        bytes: usize,
        operation: F,
    ) -> StoreFuture<'static, T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> StoreResult<T> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel::<StoreResult<T>>();
        let run: Run = Box::new(move |connection: StoreResult<&Connection>| {
            let result = match connection {
                Ok(connection) => operation(connection),
                Err(error) => Err(error),
            };
            let failed = result.is_err();
            let answer: Answer = Box::new(move || {
                // A caller that is gone wants no answer.
                let _ = answer.send(result);
            });
            Done { failed, answer }
        });
        let sent = self.send(Operation { effect, reply, bytes, run });
        Box::pin(async move {
            sent?;
            match answered.await {
                Ok(result) => result,
                Err(_) => Err(StoreError::Failed("the operation panicked; see the log".to_owned())),
            }
        })
    }

    fn send(&self, operation: Operation) -> StoreResult<()> {
        let Some(sender) = &self.sender else {
            return Err(StoreError::Failed("the store is closed".to_owned()));
        };
        if self.counters.queued.fetch_add(1, Ordering::Relaxed) >= MAX_QUEUED {
            self.counters.queued.fetch_sub(1, Ordering::Relaxed);
            return Err(StoreError::Failed(format!(
                "{MAX_QUEUED} operations wait for the disk; try again later"
            )));
        }
        sender
            .send(operation)
            .map_err(|_| StoreError::Failed("the store's thread is gone".to_owned()))
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        drop(self.sender.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the store's thread panicked; what was not committed is lost");
        }
    }
}

/// What the thread has.
struct Worker {
    connection: Connection,
    receiver: Receiver<Operation>,
    counters: Arc<Counters>,
    /// The open transaction.
    batch: Option<Batch>,
}

struct Batch {
    since: Instant,
    bytes: usize,
    answers: Vec<Answer>,
}

impl Batch {
    fn is_full(&self) -> bool {
        self.answers.len() >= MAX_ANSWERS
            || self.bytes >= MAX_BYTES
            || self.since.elapsed() >= MAX_AGE
    }
}

enum Next {
    Perform(Operation),
    Commit,
    Close,
}

impl Worker {
    fn work(mut self) {
        loop {
            match self.next() {
                Next::Perform(operation) => {
                    self.counters.queued.fetch_sub(1, Ordering::Relaxed);
                    self.perform(operation);
                }
                Next::Commit => self.commit(),
                Next::Close => break,
            }
        }
        self.commit();
    }

    fn next(&self) -> Next {
        let Some(batch) = &self.batch else {
            return self.receiver.recv().map_or(Next::Close, Next::Perform);
        };
        if batch.is_full() {
            return Next::Commit;
        }
        match self.receiver.try_recv() {
            Ok(operation) => return Next::Perform(operation),
            Err(TryRecvError::Disconnected) => return Next::Close,
            Err(TryRecvError::Empty) if !batch.answers.is_empty() => return Next::Commit,
            Err(TryRecvError::Empty) => {}
        }
        match self.receiver.recv_timeout(MAX_AGE.saturating_sub(batch.since.elapsed())) {
            Ok(operation) => Next::Perform(operation),
            Err(RecvTimeoutError::Timeout) => Next::Commit,
            Err(RecvTimeoutError::Disconnected) => Next::Close,
        }
    }

    fn perform(&mut self, operation: Operation) {
        let Operation { effect, reply, bytes, run } = operation;
        let ready = match effect {
            Effect::Read => Ok(()),
            Effect::WriteOne | Effect::WriteMany => self.begin(bytes),
        };
        let savepoint = ready.is_ok() && effect == Effect::WriteMany;
        if savepoint {
            self.must("SAVEPOINT operation");
        }
        let connection = &self.connection;
        // What the operation leaves behind after a panic is undone below; the connection keeps no
        // half-done state of its own.
        let done = catch_unwind(AssertUnwindSafe(|| run(ready.map(|()| connection))));
        let failed = match &done {
            Ok(done) => done.failed,
            Err(_) => true,
        };
        if failed {
            self.check_open();
        }
        if savepoint {
            if failed {
                self.must("ROLLBACK TO operation");
            }
            self.must("RELEASE operation");
        }
        let Ok(Done { answer, .. }) = done else {
            return;
        };
        match &mut self.batch {
            Some(batch) if reply == Reply::OnDisk => batch.answers.push(answer),
            _ => answer(),
        }
    }

    fn begin(&mut self, bytes: usize) -> StoreResult<()> {
        if let Some(batch) = &mut self.batch {
            batch.bytes += bytes;
            return Ok(());
        }
        match execute(&self.connection, "BEGIN IMMEDIATE") {
            Ok(()) => {
                self.batch = Some(Batch { since: Instant::now(), bytes, answers: Vec::new() });
                Ok(())
            }
            Err(error) if is_io_failure(&error) => end_process("BEGIN IMMEDIATE", &error),
            Err(error) => Err(error.into()),
        }
    }

    fn commit(&mut self) {
        let Some(batch) = self.batch.take() else {
            return;
        };
        self.must("COMMIT");
        self.counters.commits.fetch_add(1, Ordering::Relaxed);
        for answer in batch.answers {
            answer();
        }
    }

    /// Some errors make SQLite undo the whole transaction, in which operations were answered already.
    fn check_open(&self) {
        if self.batch.is_some() && self.connection.is_autocommit() {
            tracing::error!(
                "SQLite gave up a transaction with answered operations; the process ends to start from what is on disk"
            );
            std::process::exit(EXIT_STORE_FAILED);
        }
    }

    fn must(&self, sql: &str) {
        if let Err(error) = execute(&self.connection, sql) {
            end_process(sql, &error);
        }
    }
}

fn execute(connection: &Connection, sql: &str) -> rusqlite::Result<()> {
    connection.prepare_cached(sql)?.execute(())?;
    Ok(())
}

fn is_io_failure(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(
            ErrorCode::SystemIoFailure
                | ErrorCode::DiskFull
                | ErrorCode::DatabaseCorrupt
                | ErrorCode::NotADatabase
                | ErrorCode::CannotOpen
        )
    )
}

fn end_process(sql: &str, error: &rusqlite::Error) -> ! {
    tracing::error!(%error, sql, "the store failed; the process ends to start again from what is on disk");
    std::process::exit(EXIT_STORE_FAILED)
}
