//! Callers that use a store at the same time, and what it acknowledges to them.

use std::{
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};

use motia_manifest::{StepName, TenantId};
use motia_store::{
    Answer, AttemptError, Commit, Delivery, End, Lane, LaneOrder, Millis, NewAnswer, NewDelivery,
    NewEvent, SqliteStore, Store, StoreEpoch, StoreError, Write,
};
use rand::{Rng, SeedableRng, rngs::StdRng};
use tokio::{runtime::Runtime, task::JoinSet, time::sleep};

use crate::{
    WORK, claim, event, options, state, stream,
    vfs::{self, Disk},
};

/// The step that gets an event from each delivery that was completed; nobody claims those.
pub const AUDIT: &str = "audit";
/// The step that answers requests.
pub const ASK: &str = "ask";
/// State: by delivery that was completed, its event.
pub const EFFECTS: &str = "effects";
/// State: by counter, how far it is.
pub const COUNTERS: &str = "counters";
/// State: by request that was answered, its event.
pub const ANSWERED: &str = "answered";
/// Stream: by delivery that was completed, its event.
pub const DONE: &str = "done";
/// Stream: items that are stored once.
pub const FEED: &str = "feed";

/// The store is closed between them.
pub const SESSIONS: usize = 2;

/// Time for some checkpoints.
const SESSION: Duration = Duration::from_millis(400);

const EMITTERS: usize = 2;
const WORKERS: usize = 5;
const STREAMERS: usize = 2;

const FOREVER: Millis = 1 << 60;

/// What the store has said to be on disk.
#[derive(Debug)]
pub enum Fact {
    Emitted { event: i64 },
    Completed { event: i64, delivery: i64 },
    Retried { event: i64, attempt: u32 },
    Buried { event: i64 },
    Counted { counter: String, to: i64 },
    Streamed { id: String, offset: i64 },
    Answered { request: String },
}

/// All that has happened in a workload.
pub struct History {
    pub log: Vec<vfs::Event>,
    /// Facts, and how long the log was when they were acknowledged.
    acknowledged: Vec<(usize, Fact)>,
}

impl History {
    /// What was acknowledged when the log was so long.
    pub fn facts(&self, position: usize) -> Vec<&Fact> {
        let known = self.acknowledged.iter().filter(|(at, _)| *at <= position);
        known.map(|(_, fact)| fact).collect()
    }
}

/// Uses a new store through a VFS of this name.
pub fn run(name: &str, seed: u64, dir: &Path, runtime: &Runtime) -> History {
    let disk = Disk::register(name);
    let acknowledged =
        (1..=SESSIONS).flat_map(|number| Session::run(number, seed, disk, dir, runtime)).collect();
    History { log: disk.take_log(), acknowledged }
}

struct Session {
    number: usize,
    store: SqliteStore,
    disk: &'static Disk,
    until: Instant,
    /// Counts calls.
    clock: AtomicI64,
    acknowledged: Mutex<Vec<(usize, Fact)>>,
}

impl Session {
    fn run(
        number: usize,
        seed: u64,
        disk: &'static Disk,
        dir: &Path,
        runtime: &Runtime,
    ) -> Vec<(usize, Fact)> {
        let store = SqliteStore::open_with(dir, &options(Some(disk))).expect("the store opens");
        let session = Arc::new(Self {
            number,
            store,
            disk,
            until: Instant::now() + SESSION,
            clock: AtomicI64::new(number as Millis * 1_000_000),
            acknowledged: Mutex::default(),
        });
        let mut seeds = StdRng::seed_from_u64(seed.wrapping_add(number as u64));
        let mut random = || StdRng::seed_from_u64(seeds.random());
        runtime.block_on(async {
            session.store.release_all().await.expect("a release");
            let mut callers = JoinSet::new();
            for _ in 0..EMITTERS {
                callers.spawn(emit(Arc::clone(&session), random()));
            }
            for _ in 0..WORKERS {
                callers.spawn(work(Arc::clone(&session), random()));
            }
            for streamer in 0..STREAMERS {
                callers.spawn(feed(Arc::clone(&session), streamer));
            }
            callers.spawn(count(Arc::clone(&session), random()));
            callers.spawn(answer(Arc::clone(&session), random()));
            while let Some(ended) = callers.join_next().await {
                ended.expect("a caller");
            }
        });
        let session = Arc::into_inner(session).expect("all callers are gone");
        session.acknowledged.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    fn lasts(&self) -> bool {
        Instant::now() < self.until
    }

    fn now(&self) -> Millis {
        self.clock.fetch_add(1, Ordering::Relaxed)
    }

    fn acknowledge(&self, fact: Fact) {
        let position = self.disk.position();
        self.acknowledged.lock().unwrap_or_else(PoisonError::into_inner).push((position, fact));
    }

    /// An event of some size for [`WORK`]; some take lanes, of which there are always new ones.
    fn event(&self, random: &mut StdRng, now: Millis) -> NewEvent {
        let lane = match random.random_range(0..8) {
            number @ 0..2 => Some((number, LaneOrder::Fifo)),
            number @ 2..4 => Some((number, LaneOrder::Any)),
            _ => None,
        };
        let delivery = NewDelivery {
            lane: lane
                .map(|(number, order)| Lane { key: format!("{}-{number}", now / 256), order }),
            ..NewDelivery::new(StepName::from(WORK), now)
        };
        let data = "x".repeat(random.random_range(0..1000));
        event(self.store.event_ids().next(), format!("\"{data}\""), delivery)
    }

    /// Ends an attempt in one of the ways in which attempts end.
    async fn end(&self, delivery: &Delivery, since: StoreEpoch, random: &mut StdRng) {
        let (now, event) = (self.now(), delivery.event_id);
        let error = AttemptError {
            attempt: delivery.attempt,
            code: "handler_failed".to_owned(),
            message: "no".to_owned(),
            stack: None,
            failed_at: now,
        };
        let (end, fact) = match random.random_range(0..100) {
            0..70 => (End::Complete, Some(Fact::Completed { event, delivery: delivery.id })),
            70..80 => (
                End::Retry { error, at: now + 20 },
                Some(Fact::Retried { event, attempt: delivery.attempt }),
            ),
            80..87 => {
                (End::Bury { error, block: random.random_bool(0.3) }, Some(Fact::Buried { event }))
            }
            // Nobody is told that it is on disk.
            87..94 => (End::Release { at: now + 5 }, None),
            // The lease runs out.
            _ => return,
        };
        let writes = if end == End::Complete { self.effects(delivery, now) } else { Vec::new() };
        let commit = Commit { leases: vec![delivery.lease()], end, writes, ..Commit::default() };
        match self.store.commit(commit, now, since).await {
            Ok(()) => fact.into_iter().for_each(|fact| self.acknowledge(fact)),
            Err(StoreError::StaleLease) => {}
            Err(error) => panic!("a commit: {error}"),
        }
    }

    /// What a delivery has written when it is completed.
    fn effects(&self, delivery: &Delivery, now: Millis) -> Vec<Write> {
        let (id, cause) = (delivery.id.to_string(), delivery.event_id.to_string());
        let audit = NewDelivery::new(StepName::from(AUDIT), now);
        vec![
            Write::SetState {
                group: state(EFFECTS),
                key: id.clone(),
                value: cause.clone(),
                reaction: None,
            },
            Write::SetItem { group: stream(DONE), id: id.clone(), data: cause, reaction: None },
            Write::Emit(event(self.store.event_ids().next(), id, audit)),
        ]
    }
}

async fn emit(session: Arc<Session>, mut random: StdRng) {
    while session.lasts() {
        let since = session.store.epoch();
        let mut emitted = Vec::new();
        for _ in 0..random.random_range(1..=2) {
            let now = session.now();
            let event = session.event(&mut random, now);
            emitted.push(event.id);
            session.store.emit(event, now).await.expect("an emit");
        }
        session.store.barrier(since).await.expect("a barrier");
        for event in emitted {
            session.acknowledge(Fact::Emitted { event });
        }
    }
}

async fn work(session: Arc<Session>, mut random: StdRng) {
    while session.lasts() {
        let since = session.store.epoch();
        let claimed = session.store.claim(claim(1, session.now())).await.expect("a claim");
        match claimed.claims.iter().flatten().next() {
            Some(delivery) => session.end(delivery, since, &mut random).await,
            None => sleep(Duration::from_millis(1)).await,
        }
    }
}

async fn feed(session: Arc<Session>, streamer: usize) {
    let mut number = 0;
    while session.lasts() {
        number += 1;
        let since = session.store.epoch();
        let id = format!("{}-{streamer}-{number}", session.number);
        let stored =
            session.store.item_set(stream(FEED), id.clone(), "1".to_owned(), None, session.now());
        let offset = stored.await.expect("an item").offset;
        session.store.barrier(since).await.expect("a barrier");
        session.acknowledge(Fact::Streamed { id, offset });
    }
}

/// Waits for the disk only now and then.
async fn count(session: Arc<Session>, mut random: StdRng) {
    let counter = session.number.to_string();
    let mut to = 0;
    while session.lasts() {
        to += 1;
        let since = session.store.epoch();
        let stored = session.store.state_set(
            state(COUNTERS),
            counter.clone(),
            to.to_string(),
            None,
            session.now(),
        );
        stored.await.expect("a value");
        if random.random_bool(0.5) {
            session.store.barrier(since).await.expect("a barrier");
            session.acknowledge(Fact::Counted { counter: counter.clone(), to });
        }
    }
}

/// Answers requests that have idempotency keys, one after the other.
async fn answer(session: Arc<Session>, mut random: StdRng) {
    let mut number = 0;
    while session.lasts() {
        number += 1;
        let (now, request) = (session.now(), request(session.number, number));
        let event = session.event(&mut random, now);
        let id = event.id;
        let commit = Commit {
            writes: vec![
                Write::SetState {
                    group: state(ANSWERED),
                    key: request.clone(),
                    value: id.to_string(),
                    reaction: None,
                },
                Write::Emit(event),
            ],
            answer: Some(NewAnswer {
                tenant: TenantId::default(),
                step: StepName::from(ASK),
                key: request.clone(),
                answer: Answer { fingerprint: request.clone(), response: b"yes".to_vec() },
                expires_at: FOREVER,
            }),
            ..Commit::default()
        };
        session.store.commit(commit, now, session.store.epoch()).await.expect("a commit");
        session.acknowledge(Fact::Answered { request });
        session.acknowledge(Fact::Emitted { event: id });
    }
}

/// The key of a session's request.
pub fn request(session: usize, number: usize) -> String {
    format!("{session}-{number}")
}
