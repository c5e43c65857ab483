//! The thread that writes: whoever records never waits.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
        mpsc::{Receiver, RecvTimeoutError},
    },
    time::{Duration, Instant},
};

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::{
    LogEntry, Run,
    files::{self, day_of},
    log, run,
    schema::{self, FileError},
    span::Packer,
};
use crate::{Millis, StoreResult};

/// A transaction gathers rows for so long at most.
const GATHER: Duration = Duration::from_millis(250);
/// A transaction has so many rows at most.
const ROWS: usize = 512;
/// A transaction is not added to when it has so many bytes.
const BYTES: usize = 8 << 20;
/// More rows than this do not wait: the disk does not keep up.
const WAITING_ROWS: usize = 1 << 14;
/// Nor do more bytes.
const WAITING_BYTES: usize = 64 << 20;
/// How often it is said that rows were dropped.
const SAY_EVERY: Duration = Duration::from_secs(1);
/// How often days that are over are looked for.
const TIDY_EVERY: Duration = Duration::from_secs(600);
const DAY: Millis = 24 * 60 * 60 * 1000;

/// What is written.
pub(super) enum Row {
    Run(Arc<Run>),
    Log(Arc<LogEntry>),
}

impl Row {
    fn id(&self) -> &str {
        match self {
            Self::Run(run) => &run.id,
            Self::Log(entry) => &entry.id,
        }
    }

    fn at(&self) -> Millis {
        match self {
            Self::Run(run) => run.started_at,
            Self::Log(entry) => entry.at,
        }
    }
}

pub(super) enum Message {
    /// A row, and the bytes that it was admitted with.
    Row(Row, usize),
    /// Answers once what came before is written.
    Flush(oneshot::Sender<()>),
}

/// What waits to be written, and what could not.
#[derive(Default)]
pub(super) struct Waiting {
    rows: AtomicUsize,
    bytes: AtomicUsize,
    dropped: AtomicU64,
}

impl Waiting {
    /// Whether there is room for another row of so many bytes, which it has then; otherwise it counts as dropped.
    pub fn admit(&self, bytes: usize) -> bool {
        let rows = self.rows.fetch_add(1, Ordering::Relaxed);
        let waiting = self.bytes.fetch_add(bytes, Ordering::Relaxed);
        let fits = rows < WAITING_ROWS && waiting + bytes <= WAITING_BYTES;
        if !fits {
            self.release(1, bytes);
            self.lose(1);
        }
        fits
    }

    pub fn release(&self, rows: usize, bytes: usize) {
        self.rows.fetch_sub(rows, Ordering::Relaxed);
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
    }

    pub fn lose(&self, rows: usize) {
        self.dropped.fetch_add(rows as u64, Ordering::Relaxed);
    }

    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

/// Rows of one transaction.
struct Batch {
    rows: Vec<Row>,
    bytes: usize,
    /// Who wants to know when it is written.
    flush: Option<oneshot::Sender<()>>,
}

/// The thread's own.
pub(super) struct Writer {
    pub directory: PathBuf,
    pub receiver: Receiver<Message>,
    pub waiting: Arc<Waiting>,
    /// Grows when a file is no longer what it was, so that readers open it anew.
    pub changes: Arc<AtomicU64>,
    pub keep_days: u32,
    pub packer: Packer,
    /// The day's file.
    pub open: Option<(String, Connection)>,
    /// How many dropped rows were spoken of, and when.
    pub said: (u64, Option<Instant>),
}

impl Writer {
    pub fn work(mut self) {
        let mut tidied: Option<Instant> = None;
        loop {
            if tidied.is_none_or(|at| at.elapsed() > TIDY_EVERY) {
                self.tidy();
                tidied = Some(Instant::now());
            }
            let unsaid = self.waiting.dropped() > self.said.0;
            let patience = if unsaid { SAY_EVERY } else { TIDY_EVERY };
            match self.receiver.recv_timeout(patience) {
                Ok(Message::Row(row, bytes)) => {
                    let batch = self.gather(row, bytes);
                    self.write_all(batch);
                }
                Ok(Message::Flush(answer)) => {
                    // Everything before it is written. Whoever asked may be gone.
                    let _ = answer.send(());
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            self.say("the disk does not keep up");
        }
    }

    /// What comes within a moment.
    fn gather(&self, first: Row, bytes: usize) -> Batch {
        let until = Instant::now() + GATHER;
        let mut batch = Batch { rows: vec![first], bytes, flush: None };
        while batch.rows.len() < ROWS && batch.bytes < BYTES {
            match self.receiver.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(Message::Row(row, bytes)) => {
                    batch.rows.push(row);
                    batch.bytes += bytes;
                }
                Ok(Message::Flush(answer)) => {
                    batch.flush = Some(answer);
                    break;
                }
                Err(_) => break,
            }
        }
        batch
    }

    fn write_all(&mut self, Batch { mut rows, bytes, flush }: Batch) {
        // By id, which begins with the time: indexes grow at their ends, and the file of a day is opened once.
        rows.sort_by(|a, b| a.id().cmp(b.id()));
        for rows in rows.chunk_by(|a, b| a.at().div_euclid(DAY) == b.at().div_euclid(DAY)) {
            if let Err(error) = self.write(rows) {
                self.waiting.lose(rows.len());
                self.say(&error.to_string());
            }
        }
        self.waiting.release(rows.len(), bytes);
        if let Some(answer) = flush {
            // Whoever asked may be gone.
            let _ = answer.send(());
        }
    }

    /// Writes rows of one day. A file that turns out to be unusable is put aside for a new one.
    fn write(&mut self, rows: &[Row]) -> StoreResult<()> {
        let Some(first) = rows.first() else { return Ok(()) };
        let day = day_of(first.at());
        let mut written = self.try_write(&day, rows);
        if let Err(error) = &written
            && let Some(flaw) = error.flaw()
        {
            files::put_aside(&self.directory.join(files::file_name(&day)), flaw)?;
            self.changes.fetch_add(1, Ordering::Relaxed);
            written = self.try_write(&day, rows);
        }
        Ok(written?)
    }

    fn try_write(&mut self, day: &str, rows: &[Row]) -> Result<(), FileError> {
        // Opened anew for the next ones if this fails.
        let connection = match self.open.take() {
            Some((open, connection)) if open == day => connection,
            _ => schema::create(&self.directory.join(files::file_name(day)))?,
        };
        connection.execute_batch("BEGIN")?;
        for row in rows {
            match row {
                Row::Run(run) => {
                    run::insert(&connection, run)?;
                    self.packer.insert(&connection, run)?;
                }
                Row::Log(entry) => log::insert(&connection, entry)?,
            }
        }
        connection.execute_batch("COMMIT")?;
        self.open = Some((day.to_owned(), connection));
        Ok(())
    }

    /// Says how many rows were dropped since it was last said, not too often.
    fn say(&mut self, why: &str) {
        let dropped = self.waiting.dropped();
        let (said, at) = self.said;
        if dropped > said && at.is_none_or(|at| at.elapsed() >= SAY_EVERY) {
            tracing::warn!("{} runs and log entries are not recorded: {why}", dropped - said);
            self.said = (dropped, Some(Instant::now()));
        }
    }

    /// Deletes the days that are over.
    fn tidy(&mut self) {
        let kept = day_of(files::now() - i64::from(self.keep_days) * DAY);
        if self.open.as_ref().is_some_and(|(day, _)| *day < kept) {
            self.open = None;
        }
        if files::tidy(&self.directory, &kept) {
            self.changes.fetch_add(1, Ordering::Relaxed);
        }
    }
}
