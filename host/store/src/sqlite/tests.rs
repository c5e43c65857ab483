//! What the model cannot show: files, locks, commits, indexes.

use std::{
    sync::mpsc,
    time::{Duration, Instant},
};

use motia_manifest::TraceId;
use tempfile::TempDir;

use super::*;
use crate::NewDelivery;

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
    let deliver = |step: &&str| NewDelivery { step: StepName::from(*step), due_at: now };
    NewEvent {
        tenant: TenantId::default(),
        topic: "topic".to_owned(),
        data: "{}".to_owned(),
        trace_id: TraceId::from("trace"),
        message_group_id: None,
        deliveries: steps.iter().map(deliver).collect(),
    }
}

async fn claim(store: &SqliteStore, step: &str, now: Millis) -> Vec<Delivery> {
    let steps = vec![StepName::from(step)];
    store.claim(TenantId::default(), steps, 100, now, now + 1000).await.expect("a claim")
}

fn lease(delivery: &Delivery) -> Lease {
    Lease { delivery: delivery.id, epoch: delivery.lease_epoch }
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
    drop(store.state_set(group(), "key".to_owned(), "1".to_owned()));
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
    assert!(error.contains("schema 99, this one knows 1"), "{error}");
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
        drop(store.state_set(group(), format!("key {number}"), number.to_string()));
        waiting.push(store.barrier());
    }
    drop(release);
    held.await.expect("the thread goes on");
    for barrier in waiting {
        barrier.await.expect("a barrier");
    }
    let commits = store.commits();
    assert!((1..64).contains(&commits), "{commits} commits for 64 writes");
}

#[tokio::test]
async fn a_barrier_with_nothing_to_wait_for_commits_nothing() {
    let dir = directory();
    let store = open(&dir);
    store.barrier().await.expect("a barrier");
    assert_eq!(store.commits(), 0);
    store.state_set(group(), "key".to_owned(), "1".to_owned()).await.expect("a write");
    store.barrier().await.expect("a barrier");
    let commits = store.commits();
    store.barrier().await.expect("a barrier");
    assert_eq!((commits, store.commits()), (1, 1));
}

#[tokio::test]
async fn a_write_that_nobody_waits_for_is_committed_soon() {
    let dir = directory();
    let store = open(&dir);
    store.state_set(group(), "key".to_owned(), "1".to_owned()).await.expect("a write");
    let deadline = Instant::now() + Duration::from_secs(30);
    while store.commits() == 0 {
        assert!(Instant::now() < deadline, "no commit");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn an_operation_that_fails_leaves_nothing_and_the_others_go_on() {
    let dir = directory();
    let store = open(&dir);
    drop(store.state_set(group(), "before".to_owned(), "1".to_owned()));

    let fails = store.write(Effect::WriteMany, 0, |connection| {
        state::set(connection, &group(), "within", "1")?;
        Err::<(), _>(StoreError::Update("no".to_owned()))
    });
    assert_eq!(message(fails.await), "no");
    let panics = store.write::<(), _>(Effect::WriteMany, 0, |connection| {
        state::set(connection, &group(), "within", "1")?;
        panic!("a panic for a test");
    });
    assert_eq!(message(panics.await), "the store failed: the operation panicked; see the log");

    let entries = store.state_group(group(), 1000).await.expect("the group");
    assert_eq!(entries, [Entry { key: "before".to_owned(), value: "1".to_owned() }]);
    store.barrier().await.expect("the store works");
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
    store.complete(lease(&first[0])).await.expect("the first ends");
    assert_eq!(count(&store, "event").await, 1);

    store.retry(lease(&second[0]), error.clone(), 3).await.expect("the second fails");
    let again = claim(&store, "b", 3).await;
    assert_eq!(again[0].attempt, 2);
    assert!(matches!(store.complete(lease(&second[0])).await, Err(StoreError::StaleLease)));
    store
        .bury(lease(&again[0]), AttemptError { attempt: 2, ..error })
        .await
        .expect("the second dies");

    for table in ["event", "delivery", "attempt_error"] {
        assert_eq!(count(&store, table).await, 0, "{table}");
    }
    let letters = store.dead_letters(TenantId::default(), 10).await.expect("dead letters");
    let attempts: Vec<u32> = letters[0].errors.iter().map(|error| error.attempt).collect();
    assert_eq!(attempts, [1, 2]);
}

#[tokio::test]
async fn a_tick_has_one_taker_and_is_forgotten_after_a_month() {
    let dir = directory();
    let store = open(&dir);
    let take = |at: Millis| store.take_tick(TenantId::default(), StepName::from("cron"), at);
    let mut takers = 0;
    for attempt in [take(1000), take(1000), take(1000)] {
        takers += u32::from(attempt.await.expect("a tick"));
    }
    assert_eq!(takers, 1);

    let later = 1000 + TICKS_KEPT + 1;
    assert!(take(later).await.expect("a tick"));
    assert_eq!(count(&store, "cron_tick").await, 1);
    assert!(!take(1000).await.expect("a tick"), "what is forgotten must not be taken again");
}

#[tokio::test]
async fn a_claim_reads_only_what_it_takes() {
    let dir = directory();
    let store = open(&dir);
    let plan = store.read(|connection| {
        let mut explain = connection.prepare(&format!("EXPLAIN QUERY PLAN {}", queue::DUE_SQL))?;
        let rows = explain
            .query_map(("tenant", "step", 0_i64, 10_i64), |row| row.get::<_, String>("detail"))?;
        let mut plan = Vec::new();
        for row in rows {
            plan.push(row?);
        }
        Ok(plan)
    });
    let plan = plan.await.expect("a plan");
    let search =
        "SEARCH delivery USING COVERING INDEX delivery_due (tenant=? AND step=? AND due_at<?)";
    assert_eq!(plan, [search], "one range of the index and no sorting");
}
