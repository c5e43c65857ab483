//! What was run, for people: which step, when, how it ended and what it was called with.
//!
//! Beside the queue and in files of its own, one a day, because it is another bargain: a crash of the process may
//! take the last quarter of a second of it, a power cut what the system had not written back yet, a full disk some
//! rows, and old days are deleted as whole files. It never makes a caller wait.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
        mpsc::{self, Receiver, RecvTimeoutError, Sender},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use jiff::{Timestamp, tz::TimeZone};
use motia_manifest::{StepName, TenantId, TraceId};
use rusqlite::{
    Connection, ErrorCode, OpenFlags, OptionalExtension, Row, params_from_iter, types::Value,
};
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use crate::{AttemptError, Json, Millis, StoreError, StoreFuture, StoreResult};

/// A transaction gathers rows for so long at most.
const GATHER: Duration = Duration::from_millis(250);
/// A transaction has so many rows at most.
const ROWS: usize = 512;
/// More rows than this do not wait: the disk does not keep up.
const WAITING: usize = 1 << 14;
/// How often it is said that rows were dropped.
const SAY_EVERY: Duration = Duration::from_secs(1);
/// How often days that are over are looked for.
const TIDY_EVERY: Duration = Duration::from_secs(600);
/// How long somebody who looks into a file with `sqlite3` is waited for.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// The input comes last: lists do not read it.
const TABLE: &str = "
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = NORMAL;
    CREATE TABLE IF NOT EXISTS run (
        id              TEXT NOT NULL,
        tenant          TEXT NOT NULL,
        step            TEXT NOT NULL,
        kind            TEXT NOT NULL,
        invocation_id   TEXT NOT NULL,
        trace_id        TEXT NOT NULL,
        delivery        INTEGER,
        attempt         INTEGER NOT NULL,
        status          TEXT NOT NULL,
        error           TEXT,
        deployment      TEXT NOT NULL,
        response_status INTEGER,
        queued_at       INTEGER NOT NULL,
        started_at      INTEGER NOT NULL,
        ended_at        INTEGER NOT NULL,
        replay_of       TEXT,
        input           TEXT,
        PRIMARY KEY (tenant, id)
    ) STRICT;
    CREATE INDEX IF NOT EXISTS run_step ON run (tenant, step, id);
    CREATE INDEX IF NOT EXISTS run_trace ON run (tenant, trace_id, id);
";

const COLUMNS: &str =
    "id, tenant, step, kind, invocation_id, trace_id, delivery, attempt, status, error, deployment,
    response_status, queued_at, started_at, ended_at, replay_of";

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunStatus {
    /// The handler returned.
    Succeeded,
    /// The handler failed or hit a limit.
    Failed,
    /// Somebody ended it.
    Cancelled,
}

impl RunStatus {
    /// The word in the database and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// One invocation that has ended.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Run {
    /// Unique, and in the order of time; from [`RunLog::new_id`] with `started_at`.
    pub id: String,
    /// Whose it is.
    pub tenant: TenantId,
    /// The step.
    pub step: StepName,
    /// Why it was run: `api`, `event`, `batch`, `cron`, `state` or `stream`.
    pub kind: String,
    /// The same for every attempt of one delivery.
    pub invocation_id: String,
    /// What it belongs to.
    pub trace_id: TraceId,
    /// The delivery that was attempted, of a batch the first.
    pub delivery: Option<i64>,
    /// 1 for the first attempt.
    pub attempt: u32,
    /// How it ended.
    pub status: RunStatus,
    /// Why it failed.
    pub error: Option<AttemptError>,
    /// The digest of the deployment.
    pub deployment: String,
    /// What it was called with; none in lists, and if it was too large to keep.
    #[serde(skip)]
    pub input: Option<Json>,
    /// The status of an api step's response.
    pub response_status: Option<u16>,
    /// When it could have begun.
    pub queued_at: Millis,
    /// When it began.
    pub started_at: Millis,
    /// When it ended.
    pub ended_at: Millis,
    /// The run that it repeats.
    pub replay_of: Option<String>,
}

/// Which runs are meant.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RunFilter {
    /// Whose.
    pub tenant: TenantId,
    /// Of one step.
    pub step: Option<StepName>,
    /// That ended so.
    pub status: Option<RunStatus>,
    /// Of one trace.
    pub trace_id: Option<TraceId>,
    /// That began at this time or later.
    pub since: Option<Millis>,
    /// That began before this time.
    pub until: Option<Millis>,
    /// With a smaller id only: the last one of the page before.
    pub before: Option<String>,
    /// So many at most.
    pub limit: usize,
}

/// How a run log is kept.
#[derive(Debug, Clone)]
pub struct RunLogOptions {
    /// For how many days, 7.
    pub keep_days: u32,
    /// The largest input that is kept, 64 KiB.
    pub max_input_bytes: usize,
}

impl Default for RunLogOptions {
    fn default() -> Self {
        Self { keep_days: 7, max_input_bytes: 64 << 10 }
    }
}

/// What was run. Dropping it writes what waits.
pub struct RunLog {
    directory: PathBuf,
    max_input_bytes: usize,
    sender: Option<Sender<Message>>,
    waiting: Arc<Waiting>,
    thread: Option<JoinHandle<()>>,
}

enum Message {
    Run(Box<Run>),
    /// Answers once what came before is written.
    Flush(oneshot::Sender<()>),
}

#[derive(Default)]
struct Waiting {
    rows: AtomicUsize,
    dropped: AtomicU64,
}

impl RunLog {
    /// Opens the log in a data directory, which exists.
    ///
    /// # Errors
    /// When its thread cannot be started; a file that cannot be written is no error.
    pub fn open(directory: &Path, options: RunLogOptions) -> io::Result<Self> {
        let (sender, receiver) = mpsc::channel();
        let waiting = Arc::new(Waiting::default());
        let writer = Writer {
            directory: directory.to_owned(),
            receiver,
            waiting: Arc::clone(&waiting),
            keep_days: options.keep_days,
            open: None,
            said: None,
        };
        let thread =
            thread::Builder::new().name("motia-runs".to_owned()).spawn(move || writer.work())?;
        Ok(Self {
            directory: directory.to_owned(),
            max_input_bytes: options.max_input_bytes,
            sender: Some(sender),
            waiting,
            thread: Some(thread),
        })
    }

    /// A new id for a run that begins now: the time, so that ids sort by it, and a count.
    pub fn new_id(now: Millis) -> String {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed) & 0xf_ffff;
        format!("{}{count:05x}", id_time(now))
    }

    /// Records a run. Never waits; rows that the disk cannot take are dropped, and said to be.
    pub fn record(&self, mut run: Run) {
        if run.input.as_ref().is_some_and(|input| input.len() > self.max_input_bytes) {
            run.input = None;
        }
        let full = self.waiting.rows.fetch_add(1, Ordering::Relaxed) >= WAITING;
        let sent = !full
            && self
                .sender
                .as_ref()
                .is_some_and(|sender| sender.send(Message::Run(Box::new(run))).is_ok());
        if !sent {
            self.waiting.rows.fetch_sub(1, Ordering::Relaxed);
            self.waiting.dropped.fetch_add(1, Ordering::Relaxed);
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

    /// Runs without their inputs, newest first. One that has just ended may be missing for a moment.
    pub fn list(&self, filter: RunFilter) -> StoreFuture<'_, Vec<Run>> {
        self.look(move |directory| list(directory, &filter))
    }

    /// One run with its input.
    pub fn get(&self, tenant: TenantId, id: String) -> StoreFuture<'_, Option<Run>> {
        self.look(move |directory| get(directory, &tenant, &id))
    }

    fn look<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Path) -> StoreResult<T> + Send + 'static,
    ) -> StoreFuture<'_, T> {
        let directory = self.directory.clone();
        let (answer, answered) = oneshot::channel();
        let started = thread::Builder::new().name("motia-runs-read".to_owned()).spawn(move || {
            // Whoever asked may be gone.
            let _ = answer.send(look(&directory));
        });
        Box::pin(async move {
            started
                .map_err(|error| StoreError::Failed(format!("no thread to read runs: {error}")))?;
            answered
                .await
                .unwrap_or_else(|_| Err(StoreError::Failed("reading runs panicked".to_owned())))
        })
    }
}

impl Drop for RunLog {
    fn drop(&mut self) {
        drop(self.sender.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread that writes runs panicked");
        }
    }
}

/// How the ids of a time begin.
fn id_time(time: Millis) -> String {
    format!("{:012x}", time.max(0))
}

/// The day of a time, as in a file's name.
fn day_of(time: Millis) -> String {
    let time = Timestamp::from_millisecond(time).unwrap_or_default();
    time.to_zoned(TimeZone::UTC).strftime("%Y%m%d").to_string()
}

fn now() -> Millis {
    Timestamp::now().as_millisecond()
}

fn file_of(directory: &Path, day: &str) -> PathBuf {
    directory.join(format!("runs-{day}.db"))
}

/// The days that have a file, oldest first.
pub(crate) fn days(directory: &Path) -> BTreeMap<String, PathBuf> {
    let day = |path: &Path| {
        let name = path.file_name()?.to_str()?;
        let day = name.strip_prefix("runs-")?.strip_suffix(".db")?;
        (day.len() == 8 && day.bytes().all(|byte| byte.is_ascii_digit())).then(|| day.to_owned())
    };
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries.filter_map(|entry| Some((day(&entry.path())?, entry.path()))).collect()
}

/// The thread that writes.
struct Writer {
    directory: PathBuf,
    receiver: Receiver<Message>,
    waiting: Arc<Waiting>,
    keep_days: u32,
    /// The day's file.
    open: Option<(String, Connection)>,
    /// When somebody was last told that rows were dropped.
    said: Option<Instant>,
}

impl Writer {
    fn work(mut self) {
        let mut tidied: Option<Instant> = None;
        loop {
            if tidied.is_none_or(|at| at.elapsed() > TIDY_EVERY) {
                self.tidy();
                tidied = Some(Instant::now());
            }
            let first = match self.receiver.recv_timeout(TIDY_EVERY) {
                Ok(Message::Run(run)) => *run,
                Ok(Message::Flush(answer)) => {
                    // Everything before it is written.
                    let _ = answer.send(());
                    continue;
                }
                Err(RecvTimeoutError::Timeout) => continue,
                Err(RecvTimeoutError::Disconnected) => return,
            };
            let (mut runs, flush) = self.gather(first);
            self.waiting.rows.fetch_sub(runs.len(), Ordering::Relaxed);
            // By id, which begins with the time, so that the file of a day is opened once.
            runs.sort_by(|a, b| a.id.cmp(&b.id));
            for runs in runs.chunk_by(|a, b| day_of(a.started_at) == day_of(b.started_at)) {
                if let Err(error) = self.write(runs) {
                    self.waiting.dropped.fetch_add(runs.len() as u64, Ordering::Relaxed);
                    self.say(&error.to_string());
                }
            }
            if self.waiting.dropped.load(Ordering::Relaxed) > 0 {
                self.say("the disk does not keep up");
            }
            if let Some(answer) = flush {
                // Whoever asked may be gone.
                let _ = answer.send(());
            }
        }
    }

    /// What comes within a moment, and who wants to know when it is written.
    fn gather(&self, first: Run) -> (Vec<Run>, Option<oneshot::Sender<()>>) {
        let until = Instant::now() + GATHER;
        let mut runs = vec![first];
        while runs.len() < ROWS {
            match self.receiver.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(Message::Run(run)) => runs.push(*run),
                Ok(Message::Flush(answer)) => return (runs, Some(answer)),
                Err(_) => break,
            }
        }
        (runs, None)
    }

    /// Writes runs of one day. A file that turns out to be damaged is put aside for a new one.
    fn write(&mut self, runs: &[Run]) -> StoreResult<()> {
        let Some(first) = runs.first() else { return Ok(()) };
        let day = day_of(first.started_at);
        let mut written = self.try_write(&day, runs);
        if written.as_ref().is_err_and(is_damage) {
            put_aside(&file_of(&self.directory, &day))?;
            written = self.try_write(&day, runs);
        }
        Ok(written?)
    }

    fn try_write(&mut self, day: &str, runs: &[Run]) -> rusqlite::Result<()> {
        // Opened anew for the next ones if this fails.
        let connection = match self.open.take() {
            Some((open, connection)) if open == day => connection,
            _ => create(&file_of(&self.directory, day))?,
        };
        connection.execute_batch("BEGIN")?;
        for run in runs {
            insert(&connection, run)?;
        }
        connection.execute_batch("COMMIT")?;
        self.open = Some((day.to_owned(), connection));
        Ok(())
    }

    fn say(&mut self, why: &str) {
        if self.said.is_none_or(|at| at.elapsed() > SAY_EVERY) {
            let dropped = self.waiting.dropped.swap(0, Ordering::Relaxed);
            tracing::warn!("{dropped} runs are not recorded: {why}");
            self.said = Some(Instant::now());
        }
    }

    /// Deletes the days that are over.
    fn tidy(&self) {
        let kept = day_of(now() - i64::from(self.keep_days) * 24 * 60 * 60 * 1000);
        for (day, path) in days(&self.directory) {
            if day >= kept {
                continue;
            }
            for part in parts(&path) {
                match fs::remove_file(&part) {
                    Ok(()) => {}
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    Err(error) => tracing::warn!("{} is kept: {error}", part.display()),
                }
            }
        }
    }
}

/// The files of a database: those that SQLite keeps beside it, and its own.
fn parts(path: &Path) -> [PathBuf; 3] {
    ["-shm", "-wal", ""].map(|suffix| {
        let mut part = path.as_os_str().to_owned();
        part.push(suffix);
        PathBuf::from(part)
    })
}

fn is_damage(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error_code();
    matches!(code, Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt))
}

/// Gets a damaged file out of the way, with its log, which belongs to no other.
fn put_aside(path: &Path) -> StoreResult<()> {
    let aside = path.with_extension("db.broken");
    tracing::warn!("{} is damaged and put aside as {}", path.display(), aside.display());
    for (part, aside) in parts(path).iter().zip(parts(&aside)) {
        match fs::rename(part, aside) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(StoreError::Failed(format!("{}: {error}", part.display())));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Opens a day's file for writing.
fn create(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.execute_batch(TABLE)?;
    Ok(connection)
}

fn insert(connection: &Connection, run: &Run) -> rusqlite::Result<()> {
    let error = run.error.as_ref().map(serde_json::to_string).transpose();
    let error = error.map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO run (id, tenant, step, kind, invocation_id, trace_id, delivery, attempt, status,
                                         error, deployment, input, response_status, queued_at, started_at, ended_at,
                                         replay_of)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)",
        )?
        .execute(rusqlite::params![
            run.id,
            run.tenant.as_str(),
            run.step.as_str(),
            run.kind,
            run.invocation_id,
            run.trace_id.as_str(),
            run.delivery,
            run.attempt,
            run.status.name(),
            error,
            run.deployment,
            run.input,
            run.response_status,
            run.queued_at,
            run.started_at,
            run.ended_at,
            run.replay_of,
        ])?;
    Ok(())
}

fn read(path: &Path) -> StoreResult<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    Ok(connection)
}

fn list(directory: &Path, filter: &RunFilter) -> StoreResult<Vec<Run>> {
    let mut runs = Vec::new();
    for (day, path) in days(directory).into_iter().rev() {
        let after = filter.until.is_some_and(|until| day > day_of(until));
        let before = filter.since.is_some_and(|since| day < day_of(since));
        if after || before || runs.len() >= filter.limit {
            continue;
        }
        match list_day(&path, filter, filter.limit - runs.len()) {
            Ok(found) => runs.extend(found),
            // One damaged day does not hide the others.
            Err(error) => tracing::warn!("the runs of {day} are not shown: {error}"),
        }
    }
    Ok(runs)
}

fn list_day(path: &Path, filter: &RunFilter, limit: usize) -> StoreResult<Vec<Run>> {
    let connection = read(path)?;
    let (query, values) = list_query(filter, limit);
    let mut select = connection.prepare(&query)?;
    let rows = select.query_and_then(params_from_iter(values), run)?;
    rows.collect()
}

fn list_query(filter: &RunFilter, limit: usize) -> (String, Vec<Value>) {
    let mut conditions = "tenant = ?".to_owned();
    let mut values = vec![Value::Text(filter.tenant.as_str().to_owned())];
    let mut add = |condition: &str, value: String| {
        conditions.push_str(&format!(" AND {condition} ?"));
        values.push(Value::Text(value));
    };
    if let Some(step) = &filter.step {
        add("step =", step.as_str().to_owned());
    }
    if let Some(status) = filter.status {
        add("status =", status.name().to_owned());
    }
    if let Some(trace_id) = &filter.trace_id {
        add("trace_id =", trace_id.as_str().to_owned());
    }
    // Ids begin with the time: these are ranges of the index.
    if let Some(since) = filter.since {
        add("id >=", id_time(since));
    }
    if let Some(until) = filter.until {
        add("id <", id_time(until));
    }
    if let Some(before) = &filter.before {
        add("id <", before.clone());
    }
    let query =
        format!("SELECT {COLUMNS} FROM run WHERE {conditions} ORDER BY id DESC LIMIT {limit}");
    (query, values)
}

fn get(directory: &Path, tenant: &TenantId, id: &str) -> StoreResult<Option<Run>> {
    let time = id.get(..12).and_then(|time| Millis::from_str_radix(time, 16).ok());
    let Some(path) =
        time.map(|time| file_of(directory, &day_of(time))).filter(|path| path.exists())
    else {
        return Ok(None);
    };
    let connection = read(&path)?;
    let mut select = connection
        .prepare(&format!("SELECT {COLUMNS}, input FROM run WHERE id = ?1 AND tenant = ?2"))?;
    let with_input = |row: &Row<'_>| Ok((row.get::<_, Option<Json>>(16)?, run(row)));
    let Some((input, run)) = select.query_row((id, tenant.as_str()), with_input).optional()? else {
        return Ok(None);
    };
    Ok(Some(Run { input, ..run? }))
}

fn run(row: &Row<'_>) -> StoreResult<Run> {
    let error: Option<String> = row.get(9)?;
    let error = error.map(|text| serde_json::from_str(&text)).transpose();
    Ok(Run {
        id: row.get(0)?,
        tenant: TenantId::from(row.get::<_, String>(1)?),
        step: StepName::from(row.get::<_, String>(2)?),
        kind: row.get(3)?,
        invocation_id: row.get(4)?,
        trace_id: TraceId::from(row.get::<_, String>(5)?),
        delivery: row.get(6)?,
        attempt: row.get(7)?,
        status: match row.get_ref(8)?.as_str().unwrap_or_default() {
            "succeeded" => RunStatus::Succeeded,
            "cancelled" => RunStatus::Cancelled,
            _ => RunStatus::Failed,
        },
        error: error.map_err(|error| StoreError::Failed(error.to_string()))?,
        deployment: row.get(10)?,
        input: None,
        response_status: row.get(11)?,
        queued_at: row.get(12)?,
        started_at: row.get(13)?,
        ended_at: row.get(14)?,
        replay_of: row.get(15)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(id: &str, started_at: Millis, status: RunStatus) -> Run {
        Run {
            id: id.to_owned(),
            tenant: TenantId::default(),
            step: StepName::from("Charge"),
            kind: "event".to_owned(),
            invocation_id: "delivery-1".to_owned(),
            trace_id: TraceId::from("trace"),
            delivery: Some(1),
            attempt: 1,
            status,
            error: None,
            deployment: "digest".to_owned(),
            input: Some(r#"{"topic":"paid"}"#.to_owned()),
            response_status: None,
            queued_at: started_at,
            started_at,
            ended_at: started_at + 5,
            replay_of: None,
        }
    }

    #[tokio::test]
    async fn runs_of_several_days_are_one_list_newest_first() {
        let dir = tempfile::tempdir().unwrap();
        let (today, day) = (now(), 24 * 60 * 60 * 1000);
        let times = [today - 2 * day, today - day, today];
        let log = RunLog::open(dir.path(), RunLogOptions::default()).unwrap();
        let ids = times.map(RunLog::new_id);
        for (id, time) in ids.iter().zip(times) {
            log.record(sample(id, time, RunStatus::Succeeded));
        }
        let failed = RunLog::new_id(today + 1);
        log.record(sample(&failed, today + 1, RunStatus::Failed));
        drop(log);

        let log = RunLog::open(dir.path(), RunLogOptions::default()).unwrap();
        let filter = RunFilter { limit: 10, ..RunFilter::default() };
        let listed = |runs: Vec<Run>| runs.into_iter().map(|run| run.id).collect::<Vec<_>>();
        let all = listed(log.list(filter.clone()).await.unwrap());
        assert_eq!(all, [failed.as_str(), &ids[2], &ids[1], &ids[0]]);
        let page = RunFilter { before: Some(ids[2].clone()), limit: 1, ..filter.clone() };
        assert_eq!(listed(log.list(page).await.unwrap()), [ids[1].as_str()]);
        let only = RunFilter { status: Some(RunStatus::Failed), ..filter };
        assert_eq!(listed(log.list(only).await.unwrap()), [failed]);
        let run = log.get(TenantId::default(), ids[1].clone()).await.unwrap().unwrap();
        assert_eq!((run.started_at, run.input.as_deref()), (times[1], Some(r#"{"topic":"paid"}"#)));
        assert_eq!(log.get(TenantId::from("other"), ids[1].clone()).await.unwrap(), None);
    }

    #[tokio::test]
    async fn a_damaged_day_does_not_hide_the_others() {
        let dir = tempfile::tempdir().unwrap();
        let yesterday = now() - 24 * 60 * 60 * 1000;
        fs::write(file_of(dir.path(), &day_of(yesterday)), "no database").unwrap();
        let log = RunLog::open(dir.path(), RunLogOptions::default()).unwrap();
        let id = RunLog::new_id(now());
        log.record(sample(&id, now(), RunStatus::Succeeded));
        log.flush().await;
        let runs = log.list(RunFilter { limit: 10, ..RunFilter::default() }).await.unwrap();
        assert_eq!(runs.into_iter().map(|run| run.id).collect::<Vec<_>>(), [id]);
    }

    #[test]
    fn a_file_that_opens_but_is_damaged_inside_is_put_aside() {
        let dir = tempfile::tempdir().unwrap();
        let time = now();
        let record = |count: usize| {
            let log = RunLog::open(dir.path(), RunLogOptions::default()).unwrap();
            let ids: Vec<String> = (0..count).map(|_| RunLog::new_id(time)).collect();
            ids.iter().for_each(|id| log.record(sample(id, time, RunStatus::Succeeded)));
            ids
        };
        record(500);
        let file = file_of(dir.path(), &day_of(time));
        let mut bytes = fs::read(&file).unwrap();
        bytes[4096..].fill(0x55);
        fs::write(&file, bytes).unwrap();
        let ids = record(1);
        assert!(file.with_extension("db.broken").exists());
        assert!(get(dir.path(), &TenantId::default(), &ids[0]).unwrap().is_some());
    }

    #[test]
    fn lists_are_ranges_of_an_index() {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(TABLE).unwrap();
        let time = RunFilter { since: Some(1), until: Some(9), ..RunFilter::default() };
        let step = RunFilter { step: Some(StepName::from("Charge")), ..time.clone() };
        let trace = RunFilter { trace_id: Some(TraceId::from("trace")), ..time.clone() };
        for filter in [RunFilter::default(), time, step, trace] {
            let (query, values) = list_query(&filter, 10);
            let mut explain = connection.prepare(&format!("EXPLAIN QUERY PLAN {query}")).unwrap();
            let detail = |row: &Row<'_>| row.get::<_, String>("detail");
            let rows = explain.query_map(params_from_iter(values), detail).unwrap();
            let plan: Vec<String> = rows.map(Result::unwrap).collect();
            assert!(plan.len() == 1 && plan[0].starts_with("SEARCH run USING INDEX"), "{plan:?}");
        }
    }

    #[test]
    fn old_days_go_and_a_damaged_file_is_put_aside() {
        let dir = tempfile::tempdir().unwrap();
        let old = file_of(dir.path(), "20200101");
        let today = file_of(dir.path(), &day_of(now()));
        fs::write(&old, "").unwrap();
        fs::write(&today, "not a database, whatever its name says").unwrap();
        let log = RunLog::open(dir.path(), RunLogOptions::default()).unwrap();
        log.record(sample(&RunLog::new_id(now()), now(), RunStatus::Succeeded));
        drop(log);
        assert!(!old.exists());
        assert!(today.with_extension("db.broken").exists() && today.exists());
    }

    #[test]
    fn an_input_that_is_too_large_is_not_kept() {
        let dir = tempfile::tempdir().unwrap();
        let options = RunLogOptions { max_input_bytes: 8, ..RunLogOptions::default() };
        let log = RunLog::open(dir.path(), options).unwrap();
        let id = RunLog::new_id(now());
        log.record(sample(&id, now(), RunStatus::Succeeded));
        drop(log);
        assert_eq!(get(dir.path(), &TenantId::default(), &id).unwrap().unwrap().input, None);
    }
}
