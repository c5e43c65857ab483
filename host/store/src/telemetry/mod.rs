//! What happened, for people: runs with their spans, and what steps log.
//!
//! Beside the queue and in files of its own, one a day, because it is another bargain: a crash of the process may
//! take the last quarter of a second of it, a power cut what the system had not written back yet, a full disk some
//! rows, and old days are deleted as whole files. It never makes a caller wait.

pub(crate) mod files;
pub(crate) mod log;
mod query;
mod reader;
pub(crate) mod run;
mod schema;
pub(crate) mod span;
#[cfg(test)]
mod tests;
mod writer;

use std::{
    io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{self, Sender},
    },
    thread::{self, JoinHandle},
};

use motia_manifest::{TenantId, TraceId};
use tokio::sync::{broadcast, oneshot};

pub use log::{LogEntry, LogFilter, LogSeverity};
pub use run::{Run, RunFilter, RunStatus};
pub use span::Span;

use self::{
    query::Page,
    reader::Readers,
    writer::{Message, Row, Waiting, Writer},
};
use crate::{Millis, StoreFuture};

/// Watchers may be so many behind.
const WATCHED: usize = 4096;
/// What is larger is shown to watchers without what makes it large, so that one who is behind holds 64 MiB at most.
const WATCHED_BYTES: usize = 16 << 10;

/// How telemetry is kept.
#[derive(Debug, Clone)]
pub struct TelemetryOptions {
    /// For how many days, 7.
    pub keep_days: u32,
    /// The largest input, output and log message that is kept, 64 KiB each.
    pub max_value_bytes: usize,
}

impl Default for TelemetryOptions {
    fn default() -> Self {
        Self { keep_days: 7, max_value_bytes: 64 << 10 }
    }
}

/// What was just recorded; it may not be written yet.
#[derive(Debug, Clone)]
pub enum Recorded {
    /// A run. One of more than 16 KiB comes as in lists, without input, output and spans: it has fewer
    /// [`spans`](Run::spans) than [`span_count`](Run::span_count) says, and [`Telemetry::spans`] has them after
    /// [`Telemetry::flush`].
    Run(Arc<Run>),
    /// A log entry. One of more than 16 KiB comes without its `args`, and with the beginning of its message.
    Log(Arc<LogEntry>),
}

/// What happened. Dropping it writes what waits.
pub struct Telemetry {
    max_value_bytes: usize,
    sender: Option<Sender<Message>>,
    waiting: Arc<Waiting>,
    watchers: broadcast::Sender<Recorded>,
    readers: Readers,
    writer: Option<JoinHandle<()>>,
}

impl Telemetry {
    /// Opens the telemetry of a data directory, which exists.
    ///
    /// # Errors
    /// When its threads cannot be started; a file that cannot be written is no error.
    pub fn open(directory: &Path, options: TelemetryOptions) -> io::Result<Self> {
        let (sender, receiver) = mpsc::channel();
        let waiting = Arc::new(Waiting::default());
        let changes = Arc::new(AtomicU64::new(0));
        let readers = Readers::start(directory, &changes)?;
        let writer = Writer {
            directory: directory.to_owned(),
            receiver,
            waiting: Arc::clone(&waiting),
            changes,
            keep_days: options.keep_days,
            packer: span::Packer::new()?,
            open: None,
            said: (0, None),
        };
        let writer =
            thread::Builder::new().name("motia-runs".to_owned()).spawn(move || writer.work())?;
        Ok(Self {
            max_value_bytes: options.max_value_bytes,
            sender: Some(sender),
            waiting,
            watchers: broadcast::Sender::new(WATCHED),
            readers,
            writer: Some(writer),
        })
    }

    /// A new id for a run or log entry of now, 16 hexadecimal digits: the time, so that ids sort by it, and a count.
    pub fn new_id(now: Millis) -> String {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed) & 0xf_ffff;
        format!("{}{count:05x}", files::id_time(now))
    }

    /// Records a run. Never waits; rows that the disk cannot take are dropped, and said to be.
    pub fn record(&self, mut run: Run) {
        run.span_count = run.spans.len();
        for value in [&mut run.input, &mut run.output] {
            value.take_if(|value| value.len() > self.max_value_bytes);
        }
        let bytes = run.weight();
        let watched = self.watchers.receiver_count() > 0;
        let listed = (watched && bytes > WATCHED_BYTES).then(|| Arc::new(run.listed()));
        let run = Arc::new(run);
        if watched {
            self.show(Recorded::Run(listed.unwrap_or_else(|| Arc::clone(&run))));
        }
        self.write(Row::Run(run), bytes);
    }

    /// Records a log entry, in the same way.
    pub fn log(&self, mut entry: LogEntry) {
        cut(&mut entry.message, self.max_value_bytes);
        entry.args.take_if(|args| args.len() > self.max_value_bytes);
        let bytes = entry.weight();
        let watched = self.watchers.receiver_count() > 0;
        let short = (watched && bytes > WATCHED_BYTES).then(|| {
            let mut short = LogEntry { args: None, ..entry.clone() };
            cut(&mut short.message, WATCHED_BYTES);
            Arc::new(short)
        });
        let entry = Arc::new(entry);
        if watched {
            self.show(Recorded::Log(short.unwrap_or_else(|| Arc::clone(&entry))));
        }
        self.write(Row::Log(entry), bytes);
    }

    fn show(&self, recorded: Recorded) {
        // The last watcher may just have gone.
        let _ = self.watchers.send(recorded);
    }

    fn write(&self, row: Row, bytes: usize) {
        if !self.waiting.admit(bytes) {
            return;
        }
        let message = Message::Row(row, bytes);
        let sent = self.sender.as_ref().is_some_and(|sender| sender.send(message).is_ok());
        if !sent {
            self.waiting.release(1, bytes);
            self.waiting.lose(1);
        }
    }

    /// Returns once what was recorded before is written, or could not be.
    pub async fn flush(&self) {
        let (answer, answered) = oneshot::channel();
        if self.sender.as_ref().is_some_and(|sender| sender.send(Message::Flush(answer)).is_ok()) {
            // The thread may have panicked; there is nothing to wait for then.
            let _ = answered.await;
        }
    }

    /// How many runs and log entries were dropped since the start.
    pub fn dropped(&self) -> u64 {
        self.waiting.dropped()
    }

    /// What is recorded from now on. Whoever is more than 4096 behind misses some, and is told how many.
    pub fn watch(&self) -> broadcast::Receiver<Recorded> {
        self.watchers.subscribe()
    }

    /// Runs as in lists, newest first. One that has just ended may be missing for a moment.
    pub fn list(&self, filter: RunFilter) -> StoreFuture<'_, Vec<Run>> {
        self.readers.ask(move |days| {
            let mut page = Page::new(filter.limit);
            if let Some(query) = filter.query() {
                let range = filter.range();
                days.newest_first(
                    |day| range.has(day),
                    |connection| {
                        page.fill(connection, &query, |row| filter.keeps(row), run::read)?;
                        Ok(!page.is_full())
                    },
                );
            }
            Ok(page.items)
        })
    }

    /// One run with its input and output.
    pub fn get(&self, tenant: TenantId, id: String) -> StoreFuture<'_, Option<Run>> {
        self.readers
            .ask(move |days| days.of_id(&id, |connection| run::get(connection, &tenant, &id)))
    }

    /// The spans of a run behind the one with a number, in order.
    pub fn spans(
        &self,
        tenant: TenantId,
        run: String,
        after: Option<usize>,
        limit: usize,
    ) -> StoreFuture<'_, Vec<Span>> {
        let from = after.map_or(0, |after| after.saturating_add(1));
        self.readers.ask(move |days| {
            let found = days
                .of_id(&run, |connection| span::select(connection, &tenant, &run, from, limit))?;
            Ok(found.into_iter().map(|(_, span)| span).collect())
        })
    }

    /// The runs of a trace as in lists, oldest first.
    pub fn trace(
        &self,
        tenant: TenantId,
        trace_id: TraceId,
        limit: usize,
    ) -> StoreFuture<'_, Vec<Run>> {
        self.readers.ask(move |days| {
            let mut page = Page::new(limit);
            let query = run::of_trace(&tenant, &trace_id);
            days.oldest_first(
                |_| true,
                |connection| {
                    page.fill(connection, &query, |_| Ok(true), run::read)?;
                    Ok(!page.is_full())
                },
            );
            Ok(page.items)
        })
    }

    /// The spans of all runs of a trace by the run's id and the span's number, behind one of them.
    pub fn trace_spans(
        &self,
        tenant: TenantId,
        trace_id: TraceId,
        after: Option<(String, usize)>,
        limit: usize,
    ) -> StoreFuture<'_, Vec<(String, usize, Span)>> {
        let (first, from) =
            after.map_or_else(Default::default, |(run, index)| (run, index.saturating_add(1)));
        self.readers.ask(move |days| {
            let first_day = files::time_of(&first).map(files::day_of).unwrap_or_default();
            let mut found = Vec::new();
            days.oldest_first(
                |day| day >= first_day.as_str(),
                |connection| {
                    let left = limit - found.len();
                    // One more: the first may have no spans behind the given one.
                    let runs = run::ids_of_trace(
                        connection,
                        &tenant,
                        &trace_id,
                        &first,
                        left.saturating_add(1),
                    )?;
                    for run in runs {
                        let from = if run == first { from } else { 0 };
                        let left = limit - found.len();
                        let spans = span::select(connection, &tenant, &run, from, left)?;
                        found.extend(
                            spans.into_iter().map(|(index, span)| (run.clone(), index, span)),
                        );
                        if found.len() == limit {
                            break;
                        }
                    }
                    Ok(found.len() < limit)
                },
            );
            Ok(found)
        })
    }

    /// Log entries, newest first.
    pub fn logs(&self, filter: LogFilter) -> StoreFuture<'_, Vec<LogEntry>> {
        self.readers.ask(move |days| {
            let mut page = Page::new(filter.limit);
            let (query, range) = (filter.query(), filter.range());
            days.newest_first(
                |day| range.has(day),
                |connection| {
                    page.fill(connection, &query, |row| filter.keeps(row), log::read)?;
                    Ok(!page.is_full())
                },
            );
            Ok(page.items)
        })
    }
}

impl Drop for Telemetry {
    fn drop(&mut self) {
        drop(self.sender.take());
        if let Some(writer) = self.writer.take()
            && writer.join().is_err()
        {
            tracing::error!("the thread that writes runs panicked");
        }
    }
}

/// Keeps the beginning of a text that is longer than this.
fn cut(text: &mut String, bytes: usize) {
    if text.len() > bytes {
        text.truncate(text.floor_char_boundary(bytes));
        text.push('…');
    }
}

/// The files of the newest days that can be read, the newest first.
pub(crate) fn readable_days(directory: &Path, most: usize) -> Vec<PathBuf> {
    let newest_first = files::days(directory).into_values().rev();
    newest_first.filter(|path| matches!(schema::open(path), Ok(Some(_)))).take(most).collect()
}
