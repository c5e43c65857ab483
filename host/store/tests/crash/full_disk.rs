//! A disk that is full for a while.

use std::{
    fmt::Debug,
    path::Path,
    time::{Duration, Instant},
};

use motia_manifest::{StepName, TenantId};
use motia_store::{
    Commit, DeliveryFilter, NewDelivery, NewEvent, SqliteStore, Store, StoreError, StoreResult,
};
use tokio::time::sleep;

use crate::{
    ALL, WORK, claim, event, options, runtime, scratch, state,
    vfs::{Call, Disk, Fault},
};

const NOW: i64 = 1;

/// What the store does by itself, it does within so long.
const SOON: Duration = Duration::from_secs(10);

#[test]
fn a_full_disk_refuses_new_work_loses_nothing_and_recovers() {
    let runtime = runtime();
    for writes_left in [0, 1, 2, 3, 10] {
        runtime.block_on(survives_a_full_disk(writes_left));
    }
}

async fn survives_a_full_disk(writes_left: u64) {
    let dir = scratch();
    let disk = Disk::register(&format!("full-disk-{writes_left}"));
    let store = SqliteStore::open_with(dir.path(), &options(Some(disk))).expect("the store opens");
    for _ in 0..2 {
        store.emit(work(&store), NOW).await.expect("an emit");
    }
    let claimed = store.claim(claim(1, NOW)).await.expect("a claim");
    let lease = claimed.claims[0][0].lease();
    let complete =
        |since| store.commit(Commit { leases: vec![lease], ..Commit::default() }, NOW, since);
    set(&store, "before").await.expect("there is room");
    let mut kept = vec!["before".to_owned()];

    disk.fail(full(None, writes_left));
    // Until a write is lost; `begun` is then the epoch of the attempt that has made it.
    let begun = loop {
        let (since, key) = (store.epoch(), format!("key {}", kept.len()));
        match set(&store, &key).await {
            Ok(()) => kept.push(key),
            Err(error) => {
                is_full(Err::<(), _>(error));
                break since;
            }
        }
        assert!(kept.len() < 100, "the disk does not fill");
    };
    assert!(store.epoch() > begun);
    is_full(store.check_room());
    is_full(set(&store, "refused").await);
    is_full(store.emit(work(&store), NOW).await);
    is_full(store.barrier(begun).await);
    is_full(complete(begun).await);
    is_full(complete(store.epoch()).await);

    disk.heal();
    let deadline = Instant::now() + SOON;
    while store.check_room().is_err() {
        assert!(Instant::now() < deadline, "the store does not notice that there is room");
        sleep(Duration::from_millis(10)).await;
    }
    is_full(store.barrier(begun).await);
    is_full(complete(begun).await);
    set(&store, "after").await.expect("there is room");
    kept.push("after".to_owned());
    has_exactly(&store, &kept, 2).await;
    complete(store.epoch()).await.expect("the lease is still good");
    has_exactly(&store, &kept, 1).await;

    drop(store);
    has_exactly(&reopened(dir.path()), &kept, 1).await;
}

#[test]
fn a_checkpoint_without_room_loses_nothing() {
    let dir = scratch();
    let disk = Disk::register("full-database");
    let store = SqliteStore::open_with(dir.path(), &options(Some(disk))).expect("the store opens");
    let mut kept = Vec::new();
    runtime().block_on(async {
        disk.fail(full(Some("core.db"), 0));
        let deadline = Instant::now() + SOON;
        while disk.failures() < 3 {
            assert!(Instant::now() < deadline, "no checkpoint");
            let key = format!("key {}", kept.len());
            // The log has room: no commit fails.
            set(&store, &key).await.expect("a commit");
            kept.push(key);
        }
        disk.heal();
        set(&store, "after").await.expect("a commit");
        kept.push("after".to_owned());
        has_exactly(&store, &kept, 0).await;
    });
    drop(store);
    assert!(!dir.path().join("core.db-wal").exists(), "closing has moved everything");
    runtime().block_on(has_exactly(&reopened(dir.path()), &kept, 0));
}

fn full(file: Option<&str>, after: u64) -> Fault {
    Fault { call: Call::Write, file: file.map(str::to_owned), after, times: u64::MAX }
}

fn work(store: &SqliteStore) -> NewEvent {
    let delivery = NewDelivery::new(StepName::from(WORK), NOW);
    event(store.event_ids().next(), "null".to_owned(), delivery)
}

/// Stores a value; on disk when it returns.
async fn set(store: &SqliteStore, key: &str) -> StoreResult<()> {
    let since = store.epoch();
    store.state_set(state("group"), key.to_owned(), "1".to_owned(), None, NOW).await?;
    store.barrier(since).await
}

fn is_full<T: Debug>(result: StoreResult<T>) {
    assert!(matches!(result, Err(StoreError::Full(_))), "{result:?} on a full disk");
}

fn reopened(dir: &Path) -> SqliteStore {
    SqliteStore::open_with(dir, &options(None)).expect("the store opens again")
}

/// These values are there and no others, and so many deliveries.
async fn has_exactly(store: &SqliteStore, keys: &[String], deliveries: usize) {
    let entries = store.state_group(state("group"), usize::MAX).await.expect("the values");
    let mut found: Vec<String> = entries.into_iter().map(|entry| entry.key).collect();
    let mut keys = keys.to_vec();
    found.sort();
    keys.sort();
    assert_eq!(found, keys);
    let filter = DeliveryFilter { limit: ALL, ..DeliveryFilter::default() };
    let queue = store.deliveries(TenantId::default(), filter, NOW).await.expect("the queue");
    assert_eq!(queue.len(), deliveries);
}
