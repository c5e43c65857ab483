//! After a failed fsync nobody knows what is on disk: a second one may succeed without having written what the first
//! one lost. A process of its own shows that the store ends there.

use std::{
    env,
    fs::{self, File},
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use motia_store::{EXIT_STORE_FAILED, SqliteOptions, SqliteStore, Store, StoreResult};

use crate::{
    options, runtime, scratch, state,
    vfs::{Call, Disk, Fault},
};

const NAME: &str = "failed_sync::a_failed_fsync_ends_the_process_and_is_never_retried";

/// Set in the child: the directory that it uses, and the file whose fsync fails once.
const DIR: &str = "MOTIA_TEST_FAILED_SYNC_DIR";
const FILE: &str = "MOTIA_TEST_FAILED_SYNC_FILE";

/// A commit syncs it.
const LOG: &str = "core.db-wal";
/// A checkpoint syncs it.
const DATABASE: &str = "core.db";

const HEALTHY_WRITES: usize = 10;

/// The child gives up after so long.
const PATIENCE: Duration = Duration::from_secs(10);

#[test]
fn a_failed_fsync_ends_the_process_and_is_never_retried() {
    if let (Ok(dir), Ok(file)) = (env::var(DIR), env::var(FILE)) {
        return write_until_the_end(Path::new(&dir), &file);
    }
    for file in [LOG, DATABASE] {
        let dir = scratch();
        let child = Command::new(env::current_exe().expect("this program"))
            .args([NAME, "--exact", "--nocapture"])
            .env(DIR, dir.path())
            .env(FILE, file)
            .output()
            .expect("a child");
        let trace = fs::read_to_string(dir.path().join("trace")).expect("a trace");
        let lines: Vec<&str> = trace.lines().collect();
        assert_eq!(
            child.status.code(),
            Some(EXIT_STORE_FAILED),
            "an fsync of {file} has failed, and the store goes on; its last calls:\n{}\n{}",
            lines[lines.len().saturating_sub(20)..].join("\n"),
            String::from_utf8_lossy(&child.stderr)
        );

        let (sync, failed) = (format!("sync {file}"), format!("failed {file}"));
        let end = lines.iter().position(|line| *line == failed).expect("a failed fsync");
        assert!(!lines[end..].contains(&sync.as_str()), "it was tried again:\n{trace}");
        // While a checkpoint fails, commits may still succeed: they sync the log.
        let told = |lines: &[&str]| lines.iter().filter_map(|line| acknowledged(line)).max();
        assert!(file != LOG || told(&lines[end..]).is_none(), "it was acknowledged:\n{trace}");
        let last = told(&lines).expect("an acknowledgement");
        assert!(last + 1 >= HEALTHY_WRITES, "only {last}");
        has_all(&dir.path().join("data"), last);
    }
}

fn acknowledged(line: &str) -> Option<usize> {
    line.strip_prefix("acknowledged ")?.parse().ok()
}

/// The store opens, and all values up to the last one are there.
fn has_all(data: &Path, last: usize) {
    let store = SqliteStore::open_with(data, &options(None)).expect("the store opens");
    let entries = runtime().block_on(store.state_group(state("group"), usize::MAX));
    let entries = entries.expect("the values");
    for number in 0..=last {
        let key = number.to_string();
        assert!(entries.iter().any(|entry| entry.key == key), "{number} was lost");
    }
}

/// What the child does.
fn write_until_the_end(dir: &Path, file: &str) {
    let disk = Disk::register("failed-sync");
    disk.trace(File::create(dir.join("trace")).expect("a file"));
    let mut options = options(Some(disk));
    if file == LOG {
        // A checkpoint syncs the log too: here, none comes before a commit.
        options.checkpoint_bytes = SqliteOptions::default().checkpoint_bytes;
    }
    let store = SqliteStore::open_with(&dir.join("data"), &options).expect("the store opens");
    let deadline = Instant::now() + PATIENCE;
    runtime().block_on(async {
        for number in (0..).take_while(|_| Instant::now() < deadline) {
            if number == HEALTHY_WRITES {
                let file = Some(file.to_owned());
                disk.fail(Fault { call: Call::Sync, file, after: 0, times: 1 });
            }
            if write(&store, number).await.is_ok() {
                disk.say(&format!("acknowledged {number}"));
            }
        }
    });
}

async fn write(store: &SqliteStore, number: usize) -> StoreResult<()> {
    let since = store.epoch();
    store.state_set(state("group"), number.to_string(), "1".to_owned(), None, 0).await?;
    store.barrier(since).await
}
