//! What the model cannot show: files, locks, commits, indexes.

use std::{
    sync::{
        LazyLock,
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    time::{Duration, Instant},
};

use motia_manifest::TraceId;
use tempfile::TempDir;

use super::*;
use crate::{AttemptError, Delivery, EventKind, Lease, NewDelivery};

static IDS: LazyLock<EventIds> = LazyLock::new(EventIds::default);

fn directory() -> TempDir {
    tempfile::tempdir().expect("a temporary directory")
}

fn open(dir: &TempDir) -> SqliteStore {
    SqliteStore::open(dir.path()).expect("the store opens")
}

fn group() -> GroupKey {
    GroupKey { tenant: TenantId::default(), stream: None, group: "group".to_owned() }
}

fn event(steps: &[&str], now: Millis) -> NewEvent {
    let deliver = |step: &&str| NewDelivery::new(StepName::from(*step), now);
    NewEvent {
        id: IDS.next(),
        tenant: TenantId::default(),
        kind: EventKind::Event,
        topic: "topic".to_owned(),
        data: "{}".to_owned(),
        trace_id: TraceId::from("trace"),
        headers: None,
        message_group_id: None,
        depth: 0,
        cause: None,
        unique: None,
        deliveries: steps.iter().map(deliver).collect(),
    }
}

async fn claim(store: &SqliteStore, step: &str, now: Millis) -> Vec<Delivery> {
    let request = ClaimRequest {
        tenant: TenantId::default(),
        step: StepName::from(step),
        limit: 100,
        now,
        lease_until: now + 1000,
        lane_width: 1,
        throttle: None,
        batch: None,
    };
    let claimed = store.claim(request).await.expect("a claim");
    claimed.claims.into_iter().flatten().collect()
}

async fn end(store: &SqliteStore, lease: Lease, end: End) -> StoreResult<()> {
    let commit = Commit { leases: vec![lease], end, ..Commit::default() };
    store.commit(commit, 5, store.epoch()).await
}

async fn set(store: &SqliteStore, key: &str) {
    let value = "1".to_owned();
    store.state_set(group(), key.to_owned(), value, None, 0).await.expect("a write");
}

async fn count(store: &SqliteStore, table: &str) -> i64 {
    let sql = format!("SELECT count(*) FROM {table}");
    let count = store
        .read(move |connection| Ok(connection.query_row(&sql, (), |row| row.get::<_, i64>(0))?));
    count.await.expect("a count")
}

fn message<T>(result: StoreResult<T>) -> String {
    match result {
        Ok(_) => panic!("it should have failed"),
        Err(error) => error.to_string(),
    }
}

/// Keeps the store's thread busy until the returned sender is dropped.
fn hold(store: &SqliteStore) -> (mpsc::Sender<()>, impl Future<Output = StoreResult<()>>) {
    let (release, released) = mpsc::channel::<()>();
    let held = store.read(move |_| {
        // Fails as soon as the sender is dropped, which is the point.
        let _ = released.recv();
        Ok(())
    });
    (release, held)
}

#[test]
fn the_bundled_sqlite_is_new_enough() {
    // 3.51.3 mends a checkpoint that could damage a database in WAL mode.
    assert!(rusqlite::version_number() >= 3_051_003, "SQLite {}", rusqlite::version());
}

#[tokio::test]
async fn what_was_called_is_there_after_a_restart() {
    let dir = directory();
    let store = open(&dir);
    // Not awaited: the call counts.
    drop(store.state_set(group(), "key".to_owned(), "1".to_owned(), None, 0));
    drop(store.emit(event(&["a"], 5), 5));
    drop(store);

    let store = open(&dir);
    let value = store.state_get(group(), "key".to_owned()).await.expect("a value");
    assert_eq!(value.as_deref(), Some("1"));
    assert_eq!(claim(&store, "a", 5).await.len(), 1);
}

#[test]
fn a_directory_belongs_to_one_store() {
    let dir = directory();
    let store = open(&dir);
    assert!(
        matches!(SqliteStore::open(dir.path()), Err(StoreError::InUse(path)) if path == dir.path())
    );
    drop(store);
    drop(open(&dir));
}

#[test]
fn the_database_of_another_program_is_refused() {
    let dir = directory();
    let path = dir.path().join("core.db");
    let other = Connection::open(&path).expect("a database");
    other.execute_batch("CREATE TABLE theirs (id INTEGER)").expect("a table");
    drop(other);
    let before = fs::read(&path).expect("the file");

    assert!(matches!(SqliteStore::open(dir.path()), Err(StoreError::Foreign(_))));
    assert_eq!(fs::read(&path).expect("the file"), before);
}

#[test]
fn a_file_that_is_no_database_is_refused() {
    let dir = directory();
    fs::write(dir.path().join("core.db"), "my diary, page 1\n".repeat(1000)).expect("a file");
    assert!(matches!(SqliteStore::open(dir.path()), Err(StoreError::Foreign(_))));
}

#[test]
fn the_database_of_a_newer_version_is_refused() {
    let dir = directory();
    drop(open(&dir));
    let newer = Connection::open(dir.path().join("core.db")).expect("the database");
    newer.execute_batch("PRAGMA user_version = 99").expect("a version");
    drop(newer);

    let error = message(SqliteStore::open(dir.path()));
    assert!(error.contains("schema 99, this one knows 3"), "{error}");
}

#[tokio::test]
async fn the_settings_are_those_that_survive_a_power_cut() {
    let dir = directory();
    let store = open(&dir);
    let settings = store.read(|connection| {
        let text = |sql: &str| connection.query_row(sql, (), |row| row.get::<_, String>(0));
        let number = |sql: &str| connection.query_row(sql, (), |row| row.get::<_, i64>(0));
        Ok((
            text("PRAGMA journal_mode")?,
            number("PRAGMA synchronous")?,
            number("PRAGMA foreign_keys")?,
            text("PRAGMA integrity_check")?,
        ))
    });
    let full = 2;
    assert_eq!(settings.await.expect("settings"), ("wal".to_owned(), full, 1, "ok".to_owned()));
}

#[tokio::test]
async fn callers_who_wait_at_the_same_time_share_a_commit() {
    let dir = directory();
    let store = open(&dir);
    let (release, held) = hold(&store);
    let mut waiting = Vec::new();
    for number in 0..64 {
        drop(store.state_set(group(), format!("key {number}"), number.to_string(), None, 0));
        waiting.push(store.barrier(0));
    }
    drop(release);
    held.await.expect("the thread goes on");
    for barrier in waiting {
        barrier.await.expect("a barrier");
    }
    let commits = store.figures().commits;
    assert!((1..64).contains(&commits), "{commits} commits for 64 writes");
}

#[tokio::test]
async fn a_barrier_with_nothing_to_wait_for_commits_nothing() {
    let dir = directory();
    let store = open(&dir);
    store.barrier(0).await.expect("a barrier");
    assert_eq!(store.figures().commits, 0);
    set(&store, "key").await;
    store.barrier(0).await.expect("a barrier");
    let commits = store.figures().commits;
    store.barrier(0).await.expect("a barrier");
    assert_eq!((commits, store.figures().commits), (1, 1));
}

#[tokio::test]
async fn a_write_that_nobody_waits_for_is_committed_soon() {
    let dir = directory();
    let store = open(&dir);
    set(&store, "key").await;
    let deadline = Instant::now() + Duration::from_secs(30);
    while store.figures().commits == 0 {
        assert!(Instant::now() < deadline, "no commit");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn an_operation_that_fails_leaves_nothing_and_the_others_go_on() {
    let dir = directory();
    let store = open(&dir);
    set(&store, "before").await;

    let fails = store.write(Effect::WriteMany, 0, |connection| {
        state::set(connection, &group(), "within", "1", None, 0)?;
        Err::<(), _>(StoreError::Update("no".to_owned()))
    });
    assert_eq!(message(fails.await), "no");
    let panics = store.write::<(), _>(Effect::WriteMany, 0, |connection| {
        state::set(connection, &group(), "within", "1", None, 0)?;
        panic!("a panic for a test");
    });
    assert_eq!(message(panics.await), "the store failed: the operation panicked; see the log");

    let entries = store.state_group(group(), 1000).await.expect("the group");
    assert_eq!(entries, [Entry { key: "before".to_owned(), value: "1".to_owned() }]);
    store.barrier(0).await.expect("the store works");
}

#[tokio::test]
async fn an_event_lasts_as_long_as_its_deliveries() {
    let dir = directory();
    let store = open(&dir);
    store.emit(event(&[], 1), 1).await.expect("nobody listens");
    assert_eq!(count(&store, "event").await, 0);

    store.emit(event(&["a", "b"], 1), 1).await.expect("an event");
    let first = claim(&store, "a", 1).await;
    let second = claim(&store, "b", 1).await;
    let error = AttemptError {
        attempt: 1,
        code: "handler_failed".to_owned(),
        message: "no".to_owned(),
        stack: None,
        failed_at: 2,
    };
    end(&store, first[0].lease(), End::Complete).await.expect("the first ends");
    assert_eq!(count(&store, "event").await, 1);

    let retry = End::Retry { error: error.clone(), at: 3 };
    end(&store, second[0].lease(), retry).await.expect("the second fails");
    let again = claim(&store, "b", 3).await;
    assert_eq!(again[0].attempt, 2);
    let stale = end(&store, second[0].lease(), End::Complete).await;
    assert!(matches!(stale, Err(StoreError::StaleLease)));
    let bury = End::Bury { error, block: false };
    end(&store, again[0].lease(), bury).await.expect("the second dies");

    for table in ["event", "delivery", "attempt_error"] {
        assert_eq!(count(&store, table).await, 0, "{table}");
    }
    let letters = store
        .dead_letters(TenantId::default(), DeadLetterFilter::default(), None, 10)
        .await
        .expect("dead letters");
    let attempts: Vec<u32> = letters[0].errors.iter().map(|error| error.attempt).collect();
    assert_eq!(attempts, [1, 2]);
}

#[tokio::test]
async fn a_tick_has_one_taker_and_is_forgotten_after_a_month() {
    let dir = directory();
    let store = open(&dir);
    let take = |at: Millis| {
        let taken = store.take_tick(event(&["cron"], at), at, Overlap::Allow, at);
        async { matches!(taken.await.expect("a tick"), Tick::Taken { .. }) }
    };
    let mut takers = 0;
    for attempt in [take(1000), take(1000), take(1000)] {
        takers += u32::from(attempt.await);
    }
    assert_eq!(takers, 1);

    let later = 1000 + TICKS_KEPT + 1;
    assert!(take(later).await);
    assert_eq!(count(&store, "cron_tick").await, 1);
    assert!(!take(1000).await, "what is forgotten must not be taken again");
}

#[tokio::test]
async fn a_claim_reads_only_what_it_takes() {
    let dir = directory();
    let store = open(&dir);
    let plan = store.read(|connection| {
        let mut explain =
            connection.prepare(&format!("EXPLAIN QUERY PLAN {}", queue::CANDIDATES_SQL))?;
        let of = ("tenant", "step", 0_i64, 0_i64, 10_i64);
        let rows = explain.query_map(of, |row| row.get::<_, String>("detail"))?;
        Ok(rows.collect::<rusqlite::Result<Vec<_>>>()?)
    });
    let plan = plan.await.expect("a plan");
    let search = "SEARCH delivery USING INDEX delivery_due (tenant=? AND step=? AND parked=? AND priority=? AND due_at<?)";
    assert_eq!(plan, [search], "one range of the index and no sorting");
}

/// What SQLite does for something, counted in its own instructions.
fn instructions(
    connection: &mut Connection,
    work: impl FnOnce(&Connection) -> StoreResult<()>,
) -> u64 {
    let count = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&count);
    let handler = move || {
        counted.fetch_add(10, Ordering::Relaxed);
        false
    };
    connection.progress_handler(10, Some(handler)).expect("a handler");
    work(connection).expect("the work");
    connection.progress_handler(0, None::<fn() -> bool>).expect("no handler");
    count.load(Ordering::Relaxed)
}

#[test]
fn what_is_done_bit_by_bit_does_not_read_all_each_time() {
    let dir = directory();
    drop(open(&dir));
    let mut connection = Connection::open(dir.path().join(FILE)).expect("a connection");
    let rows = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
        INSERT INTO event (id, tenant, topic, data, trace_id, emitted_at) SELECT i, 'default', 't', '{}', 'x', i FROM n;
        INSERT INTO delivery (id, event_id, tenant, step, due_at, created_at, batch_key)
            SELECT id, id, 'default', 's' || (id % 2), 5, 5, 'key' FROM event;
        INSERT INTO dead_letter (id, event_id, tenant, step, topic, data, trace_id, errors, emitted_at, died_at, code)
            SELECT id + 100000, id, 'default', 's' || (id % 2), 't', '{}', 'x', '[]', 1, 1, 'c' || (id % 2) FROM event;";
    connection.execute_batch(rows).expect("rows");
    let (tenant, step) = (TenantId::default(), StepName::from("s1"));
    let letters = DeadLetterFilter { code: Some("c1".to_owned()), ..Default::default() };
    let waiting = DeliveryFilter { limit: 10, ..Default::default() };
    let of_step = DeliveryFilter { step: Some(step.clone()), ..waiting.clone() };
    let mut few = |what: &str, work: &dyn Fn(&Connection) -> StoreResult<()>| {
        let count = instructions(&mut connection, work);
        assert!(count < 10_000, "{what}: {count} instructions");
    };
    few("a page of letters", &|connection| {
        dead_letters::list(connection, &tenant, &letters, Some(115_000), 10).map(drop)
    });
    few("some are discarded", &|connection| {
        dead_letters::discard(connection, &tenant, &letters, 10).map(drop)
    });
    few("some are redriven", &|connection| {
        let id = dead_letters::start_redrive(connection, &tenant, &letters, 10, 100)?;
        dead_letters::redrive_some(connection, id, 10, 200).map(drop)
    });
    for filter in [&waiting, &of_step] {
        few("a page of deliveries", &|connection| {
            inspect::deliveries(connection, &tenant, filter, 9).map(drop)
        });
    }
    few("an emit to a batch step", &|connection| {
        let mut event = event(&["s1"], 9);
        event.deliveries[0].batch =
            Some(crate::Batch { key: "key".to_owned(), size: 3, timeout_ms: 50 });
        queue::emit(connection, &event, 9).map(drop)
    });
    few("some are let go on", &|connection| {
        queue::unthrottle(connection, &tenant, &step, 10).map(drop)
    });
}

/// A database of the first schema, as its release has written it: waiting, leased and failed deliveries, a dead
/// letter, state.
#[tokio::test]
async fn the_database_of_an_older_version_is_migrated_with_all_that_it_holds() {
    let dir = directory();
    let released = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/schema-1.db");
    fs::copy(released, dir.path().join(FILE)).expect("the fixture");
    let store = open(&dir);
    assert_eq!(store.release_all().await.expect("a release"), 1);

    let later = 1_900_000_000_000;
    let mut found = Vec::new();
    for step in ["Record", "Lengthy", "Flaky"] {
        for delivery in claim(&store, step, later).await {
            assert_eq!(delivery.data, r#"{"order":7}"#);
            found.push((step, delivery.attempt, delivery.kind));
            end(&store, delivery.lease(), End::Complete).await.expect("it completes");
        }
    }
    let event = EventKind::Event;
    assert_eq!(found, [("Record", 1, event), ("Lengthy", 2, event), ("Flaky", 3, event)]);
    let attempts = GroupKey { group: "attempts".to_owned(), ..group() };
    assert_eq!(store.state_group(attempts, 1000).await.expect("the state").len(), 2);

    let filter = DeadLetterFilter { code: Some("handler_failed".to_owned()), ..Default::default() };
    let tenant = TenantId::default;
    let letters = store.dead_letters(tenant(), filter.clone(), None, 10).await.expect("letters");
    assert_eq!((letters.len(), letters[0].step.as_str()), (1, "Hopeless"));
    let redrive = store.start_redrive(tenant(), filter, 1, later).await.expect("a redrive");
    store.redrive_some(redrive, 10, later).await.expect("the letter comes back");
    assert_eq!(claim(&store, "Hopeless", later).await.len(), 1);
}
