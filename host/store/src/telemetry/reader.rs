//! The threads that answer questions, each with connections of its own to the days it was asked about.

use std::{
    collections::HashMap,
    io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
        mpsc::{self, Receiver, RecvTimeoutError, Sender},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::{
    files::{self, day_of, time_of},
    schema,
};
use crate::{StoreError, StoreFuture, StoreResult};

/// So many questions are answered at a time, so that a long search holds up nobody else.
const THREADS: usize = 2;
/// Connections that nobody has used for so long are closed: a file that is deleted takes room until then.
const IDLE: Duration = Duration::from_secs(30);
/// So many days are open at a time.
const OPEN_DAYS: usize = 16;
/// For how long a file that cannot be read is not tried again.
const HIDDEN: Duration = Duration::from_secs(30);

type Question = Box<dyn FnOnce(&mut Days) + Send>;

/// The threads' owner. Dropping it waits for what is being answered.
pub(super) struct Readers(Vec<Reader>);

struct Reader {
    sender: Option<Sender<Question>>,
    /// How many questions it has.
    waiting: Arc<AtomicUsize>,
    thread: Option<JoinHandle<()>>,
}

impl Readers {
    /// `changes` grows when files are deleted or replaced.
    pub fn start(directory: &Path, changes: &Arc<AtomicU64>) -> io::Result<Self> {
        let start = |_| Reader::start(Days::new(directory.to_owned(), Arc::clone(changes)));
        Ok(Self((0..THREADS).map(start).collect::<io::Result<_>>()?))
    }

    /// Asks the thread with the fewest questions, the first one if they have as many: its connections are the warmest.
    pub fn ask<T, F>(&self, look: F) -> StoreFuture<'static, T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Days) -> StoreResult<T> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let question: Question = Box::new(move |days: &mut Days| {
            // Whoever asked may be gone.
            if !answer.is_closed() {
                let _ = answer.send(look(days));
            }
        });
        let reader = self.0.iter().min_by_key(|reader| reader.waiting.load(Ordering::Relaxed));
        let sent = reader.is_some_and(|reader| reader.ask(question));
        Box::pin(async move {
            let gone = || StoreError::Failed("the thread that reads runs is gone".to_owned());
            if !sent {
                return Err(gone());
            }
            answered.await.unwrap_or_else(|_| Err(gone()))
        })
    }
}

impl Reader {
    fn start(days: Days) -> io::Result<Self> {
        let (sender, receiver) = mpsc::channel();
        let waiting = Arc::new(AtomicUsize::new(0));
        let answered = Arc::clone(&waiting);
        let thread = thread::Builder::new()
            .name("motia-runs-read".to_owned())
            .spawn(move || answer_all(&receiver, days, &answered))?;
        Ok(Self { sender: Some(sender), waiting, thread: Some(thread) })
    }

    fn ask(&self, question: Question) -> bool {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        self.sender.as_ref().is_some_and(|sender| sender.send(question).is_ok())
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        drop(self.sender.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread that reads runs panicked");
        }
    }
}

fn answer_all(questions: &Receiver<Question>, mut days: Days, waiting: &AtomicUsize) {
    loop {
        match questions.recv_timeout(IDLE) {
            Ok(question) => {
                days.refresh();
                question(&mut days);
                waiting.fetch_sub(1, Ordering::Relaxed);
            }
            Err(RecvTimeoutError::Timeout) => days.open.clear(),
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

/// The days that have a file.
pub(super) struct Days {
    directory: PathBuf,
    changes: Arc<AtomicU64>,
    seen: u64,
    open: HashMap<String, Connection>,
    /// Those that cannot be read, since when.
    hidden: HashMap<String, Instant>,
}

impl Days {
    fn new(directory: PathBuf, changes: Arc<AtomicU64>) -> Self {
        Self { directory, changes, seen: 0, open: HashMap::new(), hidden: HashMap::new() }
    }

    /// Forgets files that are no longer what they were.
    fn refresh(&mut self) {
        let changes = self.changes.load(Ordering::Relaxed);
        if changes != self.seen {
            self.seen = changes;
            self.open.clear();
            self.hidden.clear();
        }
        self.hidden.retain(|_, since| since.elapsed() < HIDDEN);
    }

    /// Looks at the days in which `has` is true, oldest first, until the answer is false. One day that cannot be read
    /// does not hide the others.
    pub fn oldest_first(
        &mut self,
        has: impl Fn(&str) -> bool,
        look: impl FnMut(&Connection) -> StoreResult<bool>,
    ) {
        let days = files::days(&self.directory).into_keys();
        self.each(days.filter(|day| has(day)), look);
    }

    /// The same, newest first.
    pub fn newest_first(
        &mut self,
        has: impl Fn(&str) -> bool,
        look: impl FnMut(&Connection) -> StoreResult<bool>,
    ) {
        let days = files::days(&self.directory).into_keys().rev();
        self.each(days.filter(|day| has(day)), look);
    }

    fn each(
        &mut self,
        days: impl Iterator<Item = String>,
        mut look: impl FnMut(&Connection) -> StoreResult<bool>,
    ) {
        for day in days {
            let looked = match self.connection(&day) {
                Ok(Some(connection)) => look(connection),
                Ok(None) => Ok(true),
                Err(error) => Err(error),
            };
            match looked {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => self.hide(day, &error),
            }
        }
    }

    /// Looks at the day with which an id begins; nothing if there is none.
    pub fn of_id<T: Default>(
        &mut self,
        id: &str,
        look: impl FnOnce(&Connection) -> StoreResult<T>,
    ) -> StoreResult<T> {
        let Some(day) = time_of(id).map(day_of) else { return Ok(T::default()) };
        match self.connection(&day)? {
            Some(connection) => look(connection),
            None => Ok(T::default()),
        }
    }

    /// None if the day has no file yet, or one that cannot be read.
    fn connection(&mut self, day: &str) -> StoreResult<Option<&Connection>> {
        if !self.open.contains_key(day) && !self.hidden.contains_key(day) {
            let path = self.directory.join(files::file_name(day));
            if !path.exists() {
                return Ok(None);
            }
            let Some(connection) = schema::open(&path)? else { return Ok(None) };
            if self.open.len() >= OPEN_DAYS {
                self.open.clear();
            }
            self.open.insert(day.to_owned(), connection);
        }
        Ok(self.open.get(day))
    }

    fn hide(&mut self, day: String, error: &StoreError) {
        tracing::warn!("the runs of {day} are not shown: {error}");
        self.open.remove(&day);
        self.hidden.insert(day, Instant::now());
    }
}
