//! What durability costs: durable steps a second, the time from an event to its commit, a backlog of a million
//! events, and bringing back a hundred thousand dead letters.
//!
//! `cargo bench -p motia-cli --profile dev --bench durability`. The bare store and the disk's sync rate are measured
//! in the same run; `-- steps`, `-- backlog` and `-- redrive` run one part.

mod measure;
#[path = "../tests/support/mod.rs"]
mod support;

use std::{
    fs,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use measure::{Client, cpu_time, percentile, sync_rate, written};
use motia_manifest::{StepName, TenantId, TraceId};
use motia_store::{
    AttemptError, ClaimRequest, Commit, DeadLetterFilter, End, EventKind, GroupKey, NewDelivery,
    NewEvent, SqliteStore, Store,
};
use support::{Project, Server};

const IN_FLIGHT: usize = 64;
const LOAD: Duration = Duration::from_secs(10);
const BACKLOG: usize = 1_000_000;
const LETTERS: usize = 100_000;

fn main() {
    let only = std::env::args().skip(1).find(|argument| !argument.starts_with("--"));
    let wanted = |part: &str| only.as_deref().is_none_or(|only| only == part);
    let scratch = tempfile::tempdir().expect("a temporary directory");
    let (rate, time) = sync_rate(scratch.path());
    println!("the disk: {rate:.0} syncs a second, one takes {time:?}\n");
    if wanted("steps") {
        steps();
    }
    if wanted("backlog") {
        backlog();
    }
    if wanted("redrive") {
        redrive();
    }
}

fn project() -> Project {
    let project = Project::example("hello/rust");
    fs::remove_dir_all(project.root().join("steps")).expect("the example's steps");
    let source = support::repository().join("benches/durability/steps");
    fs::create_dir(project.root().join("steps")).expect("a directory");
    for file in fs::read_dir(source).expect("the steps") {
        let file = file.expect("a file");
        let to = project.root().join("steps").join(file.file_name());
        fs::copy(file.path(), to).expect("a copy");
    }
    project.build();
    project
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().expect("a runtime")
}

// ---- durable steps a second

fn steps() {
    println!("durable steps, {IN_FLIGHT} in flight, {} s", LOAD.as_secs());
    let bare = bare_store();
    println!("  the bare store: {bare:.0} commits a second of one value each");
    let project = project();
    let server = Server::serve(&project.bundle(), &project.data(), &["--api-token", TOKEN]);
    load(&server, "/write", 500);
    let before = Figures::of(&server);
    let (requests, mut times) = load(&server, "/write", 0);
    let after = Figures::of(&server);
    let steps = requests as f64;
    let rate = steps / LOAD.as_secs_f64();
    println!(
        "  HTTP to commit: {rate:.0} steps a second ({:.0} % of the bare store), p50 {:?}, p99 {:?}",
        rate / bare * 100.0,
        percentile(&mut times, 50.0),
        percentile(&mut times, 99.0),
    );
    println!(
        "  {:.3} syncs and {:.1} KiB written a step, {:.3} ms of CPU",
        after.syncs.saturating_sub(before.syncs) as f64 / steps,
        after.written.saturating_sub(before.written) as f64 / 1024.0 / steps,
        (after.cpu - before.cpu).as_secs_f64() * 1e3 / steps,
    );
    alone(&server, &project.data());
    server.stop();
}

const TOKEN: &str = "a-token-for-benchmarks-only";

struct Figures {
    syncs: u64,
    written: u64,
    cpu: Duration,
}

impl Figures {
    fn of(server: &Server) -> Self {
        let authorization = format!("Bearer {TOKEN}");
        let reply = server.request(
            "GET",
            "/__motia/api/store",
            &[("authorization", authorization.as_str())],
            b"",
        );
        let store = reply.json();
        Self {
            syncs: store["syncs"].as_u64().expect("a count"),
            written: written(server.id()),
            cpu: cpu_time(server.id()),
        }
    }
}

/// Sends requests from 64 connections, for a while or until there were so many. Returns how many there were and what
/// each took.
fn load(server: &Server, path: &str, requests: u64) -> (u64, Vec<Duration>) {
    let (next, over) = (AtomicU64::new(0), AtomicBool::new(false));
    let started = Instant::now();
    let times = thread::scope(|scope| {
        let clients: Vec<_> = (0..IN_FLIGHT)
            .map(|_| {
                scope.spawn(|| {
                    let mut client = Client::connect(server.address());
                    let mut times = Vec::new();
                    while !over.load(Ordering::Relaxed) {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        let one = Instant::now();
                        client.request("POST", &format!("{path}/{number}"), "{}");
                        times.push(one.elapsed());
                    }
                    times
                })
            })
            .collect();
        while match requests {
            0 => started.elapsed() < LOAD,
            most => next.load(Ordering::Relaxed) < most,
        } {
            thread::sleep(Duration::from_millis(10));
        }
        over.store(true, Ordering::Relaxed);
        clients.into_iter().flat_map(|client| client.join().expect("a client")).collect::<Vec<_>>()
    });
    (times.len() as u64, times)
}

/// The same writes without HTTP and without guests.
fn bare_store() -> f64 {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let store = Arc::new(SqliteStore::open(dir.path()).expect("a store"));
    let done = Arc::new(AtomicU64::new(0));
    let runtime = runtime();
    let started = Instant::now();
    let callers: Vec<_> = (0..IN_FLIGHT)
        .map(|caller| {
            let (store, done) = (Arc::clone(&store), Arc::clone(&done));
            runtime.spawn(async move {
                for number in 0.. {
                    if started.elapsed() >= LOAD {
                        return;
                    }
                    let (key, value) =
                        (format!("{caller} {number}"), format!("{{\"id\":{number}}}"));
                    store.state_set(group("values"), key, value, None, 0).await.expect("a write");
                    store.barrier(store.epoch()).await.expect("a barrier");
                    done.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    for caller in callers {
        runtime.block_on(caller).expect("a caller");
    }
    done.load(Ordering::Relaxed) as f64 / started.elapsed().as_secs_f64()
}

/// One event at a time: from the answer to its emit until its effect is on disk.
fn alone(server: &Server, data: &Path) {
    let finished = Finished::of(data);
    let mut client = Client::connect(server.address());
    let mut times = Vec::new();
    for number in 0..1_000 {
        let id = format!("alone {number}").replace(' ', "-");
        client.request("POST", &format!("/start/{id}"), "{}");
        let started = Instant::now();
        while !finished.has(&id) {
            thread::sleep(Duration::from_micros(50));
        }
        times.push(started.elapsed());
        thread::sleep(Duration::from_millis(5));
    }
    println!(
        "  alone, from the acknowledged event to its commit: p50 {:?}, p99 {:?}\n",
        percentile(&mut times, 50.0),
        percentile(&mut times, 99.0)
    );
}

/// What the events have left in the database of a running server.
struct Finished(rusqlite::Connection);

impl Finished {
    fn of(data: &Path) -> Self {
        let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
        let opened = rusqlite::Connection::open_with_flags(data.join("core.db"), flags);
        Self(opened.expect("the database"))
    }

    fn has(&self, id: &str) -> bool {
        const SQL: &str = "SELECT EXISTS (SELECT 1 FROM state
                                          WHERE tenant = 'default' AND grp = 'finished' AND key = ?1)";
        let mut select = self.0.prepare_cached(SQL).expect("a query");
        select.query_row([id], |row| row.get(0)).expect("an answer")
    }
}

fn group(name: &str) -> GroupKey {
    GroupKey { tenant: TenantId::default(), stream: None, group: name.to_owned() }
}

// ---- a backlog

fn event(store: &SqliteStore, step: &str, number: usize, due_at: i64) -> NewEvent {
    NewEvent {
        id: store.event_ids().next(),
        tenant: TenantId::default(),
        kind: EventKind::Event,
        topic: "started".to_owned(),
        data: format!("{{\"id\":\"{number}\"}}"),
        headers: None,
        trace_id: TraceId::from("backlog"),
        message_group_id: None,
        depth: 0,
        cause: None,
        unique: None,
        deliveries: vec![NewDelivery::new(StepName::from(step), due_at)],
    }
}

fn claim_request(step: &str, now: i64) -> ClaimRequest {
    ClaimRequest {
        tenant: TenantId::default(),
        step: StepName::from(step),
        limit: 1,
        now,
        lease_until: now + 60_000,
        lane_width: u32::MAX,
        throttle: None,
        batch: None,
    }
}

/// Fills a data directory with events that wait.
async fn fill(store: &SqliteStore, step: &str, from: usize, to: usize) {
    for number in from..to {
        drop(store.emit(event(store, step, number, 1_000), 1_000));
        // The writer takes so many calls at a time and no more.
        if number % 1_000 == 0 {
            store.barrier(store.epoch()).await.expect("a barrier");
        }
    }
    store.barrier(store.epoch()).await.expect("a barrier");
}

/// Claims one at a time and completes it.
async fn claims(store: &SqliteStore, step: &str) -> Vec<Duration> {
    let mut times = Vec::new();
    for _ in 0..2_000 {
        let started = Instant::now();
        let claimed = store.claim(claim_request(step, 2_000)).await.expect("a claim");
        times.push(started.elapsed());
        let leases = claimed.claims.iter().flatten().map(|delivery| delivery.lease()).collect();
        let commit = Commit { leases, ..Commit::default() };
        // Not waited for: the claims are measured, not the disk.
        drop(store.commit(commit, 2_000, store.epoch()));
    }
    store.barrier(store.epoch()).await.expect("a barrier");
    times
}

fn backlog() {
    println!("a backlog of {BACKLOG} events");
    let runtime = runtime();
    let dir = tempfile::tempdir().expect("a temporary directory");
    let data = dir.path().join("data");
    let store = SqliteStore::open(&data).expect("a store");
    let mut filled = 0;
    for size in [1_000, BACKLOG / 10, BACKLOG] {
        runtime.block_on(fill(&store, "Finish", filled, size));
        filled = size;
        let mut times = runtime.block_on(claims(&store, "Finish"));
        println!(
            "  {size} waiting: a claim takes p50 {:?}, p99 {:?}",
            percentile(&mut times, 50.0),
            percentile(&mut times, 99.0)
        );
    }
    drop(store);
    restart(&project(), &data);
}

/// The real server on the same data, which begins with the backlog at once.
fn restart(project: &Project, data: &Path) {
    let started = Instant::now();
    let server = Server::serve(&project.bundle(), data, &[]);
    let listens = started.elapsed();
    Client::connect(server.address()).request("POST", "/write/first", "{}");
    println!(
        "  a server on it listens after {listens:?} and has answered its first request after {:?}\n",
        started.elapsed()
    );
    server.kill9();
}

// ---- dead letters

fn redrive() {
    println!("bringing back {LETTERS} dead letters");
    let project = project();
    let data = project.data();
    let runtime = runtime();
    runtime.block_on(bury_many(&data));
    let server = Server::serve(&project.bundle(), &data, &["--api-token", TOKEN]);
    let idle = fresh_events(&server, &data, "idle");
    let authorization = format!("Bearer {TOKEN}");
    let body = serde_json::json!({ "all": true, "perSecond": 2_000 }).to_string();
    let reply = server.request(
        "POST",
        "/__motia/api/dead-letters/redrive",
        &[("authorization", authorization.as_str()), ("content-type", "application/json")],
        body.as_bytes(),
    );
    assert!(reply.status < 300, "{reply:?}");
    let busy = fresh_events(&server, &data, "busy");
    println!(
        "  a fresh event is done after p50 {:?}, p99 {:?} when idle; {:?}, {:?} during the redrive: {:.1} times\n",
        idle.0,
        idle.1,
        busy.0,
        busy.1,
        busy.1.as_secs_f64() / idle.1.as_secs_f64()
    );
    server.kill9();
}

async fn bury_many(data: &Path) {
    let store = SqliteStore::open(data).expect("a store");
    fill(&store, "Finish", 0, LETTERS).await;
    for _ in 0..LETTERS / 100 {
        let request = ClaimRequest { limit: 100, ..claim_request("Finish", 2_000) };
        let claimed = store.claim(request).await.expect("a claim");
        let leases = claimed.claims.iter().flatten().map(|delivery| delivery.lease()).collect();
        let error = AttemptError {
            attempt: 1,
            code: "handler_failed".to_owned(),
            message: "failed".to_owned(),
            stack: None,
            failed_at: 2_000,
        };
        let end = End::Bury { error, block: false };
        let commit = Commit { leases, end, ..Commit::default() };
        store.commit(commit, 2_000, store.epoch()).await.expect("a commit");
    }
    let some = DeadLetterFilter::default();
    let letters = store.dead_letters(TenantId::default(), some, None, LETTERS).await;
    assert_eq!(letters.expect("the letters").len(), LETTERS);
}

/// Emits 50 events a second for 20 s and returns p50 and p99 of the times until each is done.
fn fresh_events(server: &Server, data: &Path, name: &str) -> (Duration, Duration) {
    let finished = Finished::of(data);
    let mut client = Client::connect(server.address());
    let mut times = Vec::new();
    for number in 0..1_000 {
        let id = format!("{name}-{number}");
        let started = Instant::now();
        client.request("POST", &format!("/start/{id}"), "{}");
        while !finished.has(&id) {
            thread::sleep(Duration::from_micros(100));
        }
        times.push(started.elapsed());
        thread::sleep(Duration::from_millis(15));
    }
    (percentile(&mut times, 50.0), percentile(&mut times, 99.0))
}
