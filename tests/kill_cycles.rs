//! `kill -9` of the real server at random points, with clients that remember what was acknowledged.
//!
//! Whatever was acknowledged has all its effects in the end, and atomic steps have theirs once, acknowledged or not.
//! `MOTIA_KILL_CYCLES` is how often it is killed, `MOTIA_SEED` repeats the points in time.

mod support;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use rusqlite::{Connection, OpenFlags};
use support::{Project, SLOW, Server, wait_until};

const CYCLES: u64 = 200;
const CLIENTS: u64 = 6;

/// Numbers that a seed decides (splitmix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

fn number(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).ok().and_then(|value| value.parse().ok()).unwrap_or(otherwise)
}

#[test]
fn nothing_acknowledged_is_lost_and_nothing_takes_effect_twice_over_200_kills() {
    let project = Project::fixture("kill");
    project.build();
    let cycles = number("MOTIA_KILL_CYCLES", CYCLES);
    let seed = number("MOTIA_SEED", u64::from(std::process::id()));
    eprintln!("{cycles} cycles, MOTIA_SEED={seed}");
    let mut random = Random(seed);
    let next = AtomicU64::new(0);
    let acknowledged = Mutex::new(BTreeSet::new());
    for _ in 0..cycles {
        let server = Server::serve(&project.bundle(), &project.data(), &[]);
        let life = Duration::from_millis(10 + random.next() % 240);
        send_until_killed(server, life, &next, &acknowledged);
    }
    let acknowledged = acknowledged.into_inner().expect("no client panicked");
    eprintln!("{} orders sent, {} acknowledged", next.load(Ordering::Relaxed), acknowledged.len());
    assert!(acknowledged.len() as u64 >= cycles, "the clients got hardly any answer");
    let server = Server::serve(&project.bundle(), &project.data(), &[]);
    let database = project.data().join("core.db");
    wait_until(SLOW, "the queues are empty", || {
        count(&open(&database), "SELECT count(*) FROM delivery") == 0
    });
    server.stop();
    check(&database, &acknowledged);
}

/// Lets clients send orders to a server until it is killed.
fn send_until_killed(
    server: Server,
    life: Duration,
    next: &AtomicU64,
    acknowledged: &Mutex<BTreeSet<String>>,
) {
    let url = server.url().to_owned();
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    // A few lengths, which decide the account.
                    let id = format!("{}{number}", "o".repeat((number % 5) as usize));
                    let sent = support::send("POST", &format!("{url}/orders/{id}"), &[], b"");
                    if sent.is_ok_and(|reply| reply.status == 201) {
                        acknowledged.lock().expect("no client panicked").insert(id);
                    }
                }
            });
        }
        thread::sleep(life);
        server.kill9();
        over.store(true, Ordering::Relaxed);
    });
}

fn open(database: &Path) -> Connection {
    Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_ONLY)
        .unwrap_or_else(|error| panic!("{}: {error}", database.display()))
}

fn count(connection: &Connection, sql: &str) -> i64 {
    connection.query_row(sql, (), |row| row.get(0)).expect("a count")
}

fn group(connection: &Connection, group: &str) -> BTreeMap<String, String> {
    let mut select =
        connection.prepare("SELECT key, value FROM state WHERE grp = ?1").expect("the state");
    let rows = select.query_map([group], |row| Ok((row.get(0)?, row.get(1)?))).expect("rows");
    rows.collect::<Result<_, _>>().expect("rows")
}

fn check(database: &Path, acknowledged: &BTreeSet<String>) {
    let connection = open(database);
    let integrity: String =
        connection.query_row("PRAGMA integrity_check", (), |row| row.get(0)).expect("a check");
    assert_eq!(integrity, "ok");
    assert_eq!(count(&connection, "SELECT count(*) FROM dead_letter"), 0, "dead letters");

    let orders: BTreeSet<String> = group(&connection, "orders").into_keys().collect();
    let lost: Vec<_> = acknowledged.difference(&orders).collect();
    assert!(lost.is_empty(), "acknowledged orders are lost: {lost:?}");

    for effect in ["charges", "shipments"] {
        let counts = group(&connection, effect);
        let done: BTreeSet<String> = counts.keys().cloned().collect();
        assert_eq!(done, orders, "{effect}: missing or without an order");
        let twice: Vec<_> = counts.iter().filter(|(_, count)| count.as_str() != "1").collect();
        assert!(twice.is_empty(), "{effect}: took effect twice: {twice:?}");
    }
    let notices: BTreeSet<String> = group(&connection, "notices").into_keys().collect();
    assert_eq!(notices, orders, "an event was not delivered at all");

    let ledgers = group(&connection, "ledgers");
    let mut entered = Vec::new();
    for entries in ledgers.values() {
        let entries: Vec<String> = serde_json::from_str(entries).expect("a list");
        entered.extend(entries);
    }
    let entries = entered.len();
    let distinct: BTreeSet<String> = entered.into_iter().collect();
    assert_eq!((entries, &distinct), (orders.len(), &orders), "the ledgers");

    // Receipts came one by one: as many changes as items.
    let gaps = count(
        &connection,
        "SELECT count(*) FROM stream_group WHERE last_offset <>
             (SELECT count(*) FROM stream_item WHERE stream_item.stream = stream_group.stream
                                                 AND stream_item.grp = stream_group.grp)",
    );
    assert_eq!(gaps, 0, "a receipt was written twice or its offset is missing");
}
