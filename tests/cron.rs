//! Cron steps on the real server: every tick once, what one does to the one before, and those that were missed.

mod support;

use std::{collections::BTreeSet, path::Path, thread, time::Duration};

use rusqlite::{Connection, OpenFlags};
use support::{Project, SOON, Server, wait_for, wait_until};

/// The messages of a log that begin with `text`.
fn messages(server: &Server, text: &str) -> Vec<String> {
    let log = server.log();
    let of_line = |line: &str| Some(line[line.find(text)?..].split_once(" step=")?.0.to_owned());
    log.lines().filter_map(of_line).collect()
}

/// The ticks of a step that were taken or skipped, in seconds.
fn ticks(data: &Path, step: &str) -> BTreeSet<i64> {
    let database = data.join("core.db");
    let connection = Connection::open_with_flags(&database, OpenFlags::SQLITE_OPEN_READ_ONLY)
        .unwrap_or_else(|error| panic!("{}: {error}", database.display()));
    let mut select = connection
        .prepare("SELECT scheduled_at / 1000 FROM cron_tick WHERE step = ?1")
        .expect("the table cron_tick");
    let rows = select.query_map([step], |row| row.get(0)).expect("ticks");
    rows.collect::<Result<_, _>>().expect("ticks")
}

#[test]
fn a_tick_skips_waits_for_or_ends_the_one_before_and_missed_ones_are_made_up_for() {
    let project = Project::fixture("cron");
    project.build();
    let server = Server::serve(&project.bundle(), &project.data(), &[]);
    wait_until(SOON, "the second turn of the queue", || {
        messages(&server, "queue begins").len() >= 3 && messages(&server, "skip ends").len() >= 2
    });

    let turns = messages(&server, "queue ");
    let alternate = ["queue begins", "queue ends"].iter().cycle();
    assert!(turns.iter().zip(alternate).all(|(turn, expected)| turn == expected), "{turns:?}");
    let (begun, ended) = (messages(&server, "skip begins"), messages(&server, "skip ends"));
    assert!(begun.len() - ended.len() <= 1, "two at a time: {begun:?}, {ended:?}");
    assert!(server.log().contains("a tick is skipped"), "{}", server.log());
    let (begun, ended) = (messages(&server, "cancel begins"), messages(&server, "cancel ends"));
    assert!(
        begun.len() >= 3 && ended.is_empty(),
        "not ended by the next tick: {begun:?}, {ended:?}"
    );

    let before = ticks(&project.data(), "CatchUp");
    server.kill9();
    // What is made up for must have been missed.
    thread::sleep(Duration::from_secs(3));
    let server = Server::serve(&project.bundle(), &project.data(), &[]);
    let after = wait_for(SOON, "ticks after the restart", || {
        let after = ticks(&project.data(), "CatchUp");
        (after.len() >= before.len() + 5).then_some(after)
    });
    let (first, last) = (after.first().expect("a tick"), after.last().expect("a tick"));
    assert_eq!(after.len() as i64, last - first + 1, "a tick is missing: {after:?}");
    let missed = ticks(&project.data(), "Skip");
    let (first, last) = (missed.first().expect("a tick"), missed.last().expect("a tick"));
    assert!(
        (missed.len() as i64) < last - first + 1,
        "made up for without being asked: {missed:?}"
    );
    wait_until(SOON, "the ticks that were made up for", || {
        messages(&server, "catch-up ends").len() as i64 >= last - before.last().expect("a tick") - 1
    });
}
