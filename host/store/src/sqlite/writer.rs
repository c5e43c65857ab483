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
        atomic::{AtomicUsize, Ordering},
        mpsc::{self, Receiver, RecvTimeoutError, Sender, TryRecvError},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use rusqlite::{Connection, ErrorCode};
use tokio::sync::oneshot;

use super::{
    checkpoint::{Signals, checkpoint},
    room::{self, Room},
};
use crate::{EXIT_STORE_FAILED, StoreError, StoreFigures, StoreFuture, StoreResult, live::News};

/// So many callers wait for one commit at most: later ones gain little and the first ones wait longer.
const MAX_ANSWERS: usize = 256;

/// A transaction writes about so much at most; the log then stays near the size at which SQLite
/// empties it by itself.
const MAX_BYTES: usize = 4 << 20;

/// What nobody waits for is lost in a crash for so long at most.
const MAX_AGE: Duration = Duration::from_millis(20);

/// Callers who come this much apart are not waited for.
const DENSE: Duration = Duration::from_micros(500);

/// A pause of so many of their usual distances, of so long at most, says that no more of them come.
const PAUSE_GAPS: u32 = 4;
const LONGEST_PAUSE: Duration = Duration::from_millis(1);

/// A caller waits for others for so long at most.
const LONGEST_WAIT: Duration = Duration::from_millis(8);

/// How often a full disk is tried again.
const TRY_AGAIN: Duration = Duration::from_millis(500);

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

/// Gives a caller its answer, or the reason why everything since the last commit is lost.
type Answer = Box<dyn FnOnce(Option<StoreError>) + Send>;

type Run = Box<dyn FnOnce(StoreResult<&Connection>) -> Done + Send>;

struct Operation {
    effect: Effect,
    reply: Reply,
    bytes: usize,
    run: Run,
}

struct Done {
    failed: Option<Failed>,
    answer: Answer,
}

/// How an operation failed, as far as the transaction is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Failed {
    FullDisk,
    Otherwise,
}

/// The thread's owner. Dropping it waits until everything is committed.
pub(super) struct Writer {
    sender: Option<Sender<Operation>>,
    thread: Option<JoinHandle<()>>,
    queued: Arc<AtomicUsize>,
    signals: Arc<Signals>,
}

impl Writer {
    pub(super) fn start(
        connection: Connection,
        signals: Arc<Signals>,
        room: Arc<Room>,
        news: Arc<News>,
    ) -> io::Result<Self> {
        let (sender, receiver) = mpsc::channel();
        let queued = Arc::new(AtomicUsize::new(0));
        let worker = Worker {
            connection,
            receiver,
            queued: Arc::clone(&queued),
            signals: Arc::clone(&signals),
            room,
            news,
            batch: None,
            arrivals: Arrivals { last: Instant::now(), gap: LONGEST_WAIT },
            tried: Instant::now(),
        };
        let thread =
            thread::Builder::new().name("motia-store".to_owned()).spawn(move || worker.work())?;
        Ok(Self { sender: Some(sender), thread: Some(thread), queued, signals })
    }

    pub(super) fn figures(&self) -> StoreFigures {
        let commits = self.signals.commits.load(Ordering::Relaxed);
        let checkpoints = self.signals.checkpoints.load(Ordering::Relaxed);
        StoreFigures { commits, checkpoints, syncs: commits + 2 * checkpoints }
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
            let failed = result.as_ref().err().map(|error| match error {
                StoreError::Full(_) => Failed::FullDisk,
                _ => Failed::Otherwise,
            });
            let answer: Answer = Box::new(move |lost| {
                // A caller that is gone wants no answer.
                let _ = answer.send(lost.map_or(result, Err));
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
        if self.queued.fetch_add(1, Ordering::Relaxed) >= MAX_QUEUED {
            self.queued.fetch_sub(1, Ordering::Relaxed);
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
    queued: Arc<AtomicUsize>,
    signals: Arc<Signals>,
    room: Arc<Room>,
    /// What those who follow streams are told once it is on disk.
    news: Arc<News>,
    /// The open transaction.
    batch: Option<Batch>,
    arrivals: Arrivals,
    /// When a full disk was last tried.
    tried: Instant,
}

struct Batch {
    since: Instant,
    bytes: usize,
    /// When the first of those came who wait.
    waiting_since: Option<Instant>,
    answers: Vec<Answer>,
}

impl Batch {
    fn is_full(&self) -> bool {
        self.answers.len() >= MAX_ANSWERS
            || self.bytes >= MAX_BYTES
            || self.since.elapsed() >= MAX_AGE
    }
}

/// How densely callers come who wait for a commit.
struct Arrivals {
    last: Instant,
    /// The usual distance between two.
    gap: Duration,
}

impl Arrivals {
    fn note(&mut self, now: Instant) {
        let gap = now.duration_since(self.last).min(LONGEST_WAIT);
        self.last = now;
        self.gap = (self.gap * 7 + gap) / 8;
    }

    /// How much longer it pays to wait for others, of whom the first waits since `first`.
    fn patience(&self, first: Instant, now: Instant) -> Duration {
        if self.gap >= DENSE {
            return Duration::ZERO;
        }
        let pause = (self.gap * PAUSE_GAPS).min(LONGEST_PAUSE);
        let until = (self.last + pause).min(first + LONGEST_WAIT);
        until.saturating_duration_since(now)
    }
}

enum Next {
    Perform(Operation),
    Commit,
    TryDisk,
    Close,
}

impl Worker {
    fn work(mut self) {
        loop {
            match self.next() {
                Next::Perform(operation) => {
                    self.queued.fetch_sub(1, Ordering::Relaxed);
                    self.perform(operation);
                }
                Next::Commit => self.commit(),
                Next::TryDisk => self.try_disk(),
                Next::Close => break,
            }
        }
        self.commit();
    }

    fn next(&self) -> Next {
        let Some(batch) = &self.batch else {
            if !self.room.full.load(Ordering::Relaxed) {
                return self.receiver.recv().map_or(Next::Close, Next::Perform);
            }
            return match TRY_AGAIN.checked_sub(self.tried.elapsed()) {
                Some(wait) => self.receive(wait, Next::TryDisk),
                None => Next::TryDisk,
            };
        };
        if batch.is_full() {
            return Next::Commit;
        }
        match self.receiver.try_recv() {
            Ok(operation) => return Next::Perform(operation),
            Err(TryRecvError::Disconnected) => return Next::Close,
            Err(TryRecvError::Empty) => {}
        }
        let wait = match batch.waiting_since {
            Some(first) => self.arrivals.patience(first, Instant::now()),
            None => MAX_AGE.saturating_sub(batch.since.elapsed()),
        };
        if wait.is_zero() { Next::Commit } else { self.receive(wait, Next::Commit) }
    }

    fn receive(&self, wait: Duration, otherwise: Next) -> Next {
        match self.receiver.recv_timeout(wait) {
            Ok(operation) => Next::Perform(operation),
            Err(RecvTimeoutError::Timeout) => otherwise,
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
        if savepoint && !self.execute("SAVEPOINT operation") {
            return (run(Err(room::lost())).answer)(None);
        }
        let connection = &self.connection;
        let told = self.news.len();
        // What the operation leaves behind after a panic is undone below; the connection keeps no
        // half-done state of its own.
        let done = catch_unwind(AssertUnwindSafe(|| run(ready.map(|()| connection))));
        let failed = match &done {
            Ok(done) => done.failed,
            Err(_) => Some(Failed::Otherwise),
        };
        if let Some(failed) = failed {
            self.news.undo_to(told);
            self.check_open(failed);
        }
        if savepoint && self.batch.is_some() {
            let undone = failed.is_none() || self.execute("ROLLBACK TO operation");
            if undone {
                self.execute("RELEASE operation");
            }
        }
        let Ok(Done { answer, .. }) = done else {
            return;
        };
        if self.batch.is_none() {
            self.news.publish();
        }
        let lost = savepoint && self.batch.is_none();
        match &mut self.batch {
            Some(batch) if reply == Reply::OnDisk => {
                let now = Instant::now();
                batch.answers.push(answer);
                batch.waiting_since.get_or_insert(now);
                self.arrivals.note(now);
            }
            _ => answer(lost.then(room::lost)),
        }
    }

    fn begin(&mut self, bytes: usize) -> StoreResult<()> {
        if let Some(batch) = &mut self.batch {
            batch.bytes += bytes;
            return Ok(());
        }
        if self.room.full.load(Ordering::Relaxed) {
            return Err(StoreError::Full("a write has failed".to_owned()));
        }
        match execute(&self.connection, "BEGIN IMMEDIATE") {
            Ok(()) => {
                self.batch = Some(Batch {
                    since: Instant::now(),
                    bytes,
                    waiting_since: None,
                    answers: Vec::new(),
                });
                Ok(())
            }
            Err(error) if is_full(&error) => {
                self.room.full.store(true, Ordering::Release);
                Err(error.into())
            }
            Err(error) if is_io_failure(&error) => end_process("BEGIN IMMEDIATE", &error),
            Err(error) => Err(error.into()),
        }
    }

    fn commit(&mut self) {
        if self.batch.is_none() || !self.execute("COMMIT") {
            return;
        }
        self.signals.commits.fetch_add(1, Ordering::Relaxed);
        self.news.publish();
        for answer in self.batch.take().into_iter().flat_map(|batch| batch.answers) {
            answer(None);
        }
        if self.signals.help.swap(false, Ordering::Relaxed) {
            checkpoint(&self.connection, &self.signals);
        }
    }

    /// Some errors make SQLite undo the whole transaction, in which operations were answered already.
    fn check_open(&mut self, failed: Failed) {
        if self.batch.is_none() || !self.connection.is_autocommit() {
            return;
        }
        if failed == Failed::FullDisk {
            return self.lose("a statement");
        }
        tracing::error!(
            "SQLite gave up a transaction with answered operations; the process ends to start from what is on disk"
        );
        std::process::exit(EXIT_STORE_FAILED);
    }

    /// Runs a statement of the open transaction; false if the transaction is lost because the disk is full.
    fn execute(&mut self, sql: &str) -> bool {
        match execute(&self.connection, sql) {
            Ok(()) => true,
            Err(error) if is_full(&error) => {
                self.lose(sql);
                false
            }
            Err(error) => end_process(sql, &error),
        }
    }

    /// The open transaction is lost: whoever waits for it is told, and nobody else was told that it is on disk.
    fn lose(&mut self, what: &str) {
        let Some(batch) = self.batch.take() else { return };
        if !self.connection.is_autocommit()
            && let Err(error) = execute(&self.connection, "ROLLBACK")
        {
            end_process("ROLLBACK", &error);
        }
        self.news.undo_to(0);
        self.room.lose();
        self.tried = Instant::now();
        tracing::error!(
            "the disk is full ({what} failed): {} calls are refused, and new ones until there is room",
            batch.answers.len()
        );
        for answer in batch.answers {
            answer(Some(room::lost()));
        }
    }

    /// Writes something to a disk that was full.
    fn try_disk(&mut self) {
        self.tried = Instant::now();
        let tried = self
            .connection
            .query_row("PRAGMA user_version", (), |row| row.get::<_, i64>(0))
            .and_then(|version| {
                self.connection.execute_batch(&format!(
                    "BEGIN IMMEDIATE; PRAGMA user_version = {version}; COMMIT;"
                ))
            });
        match tried {
            Ok(()) => {
                self.room.full.store(false, Ordering::Release);
                tracing::info!("there is room on the disk again");
            }
            Err(error) if is_full(&error) => {
                if !self.connection.is_autocommit()
                    && let Err(error) = execute(&self.connection, "ROLLBACK")
                {
                    end_process("ROLLBACK", &error);
                }
            }
            Err(error) => end_process("a write to a disk that was full", &error),
        }
    }
}

fn is_full(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::DiskFull)
}

fn execute(connection: &Connection, sql: &str) -> rusqlite::Result<()> {
    connection.prepare_cached(sql)?.execute(())?;
    Ok(())
}

pub(super) fn is_io_failure(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(
            ErrorCode::SystemIoFailure
                | ErrorCode::DatabaseCorrupt
                | ErrorCode::NotADatabase
                | ErrorCode::CannotOpen
        )
    )
}

pub(super) fn end_process(sql: &str, error: &rusqlite::Error) -> ! {
    tracing::error!(%error, sql, "the store failed; the process ends to start again from what is on disk");
    std::process::exit(EXIT_STORE_FAILED)
}
