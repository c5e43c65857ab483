//! Half an hour under load: memory, open files, the log's length and the disk per step must stay as they are.
//!
//! `cargo bench -p motia-cli --profile dev --bench soak -- 30` runs 30 minutes. Requests write atomically and emit; events
//! charge, ship and keep a ledger, and some fail once (`tests/fixtures/kill`). Every minute prints a line; the last one
//! compares the second half with the first.

mod measure;
#[path = "../tests/support/mod.rs"]
mod support;

use std::{
    fs,
    path::Path,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use measure::{Client, cpu_time, open_files, resident, sync_rate, written};
use support::{Project, Server};

const CLIENTS: u64 = 4;

/// Requests of all clients in a second: a load that the machine carries with room to spare.
const PER_SECOND: u64 = 60;

#[derive(Clone, Copy)]
struct Sample {
    requests: u64,
    memory: u64,
    files: usize,
    log: u64,
    database: u64,
    written: u64,
}

fn main() {
    let minutes: u64 =
        std::env::args().skip(1).find_map(|minutes| minutes.parse().ok()).unwrap_or(30);
    let project = Project::fixture("kill");
    project.build();
    let (rate, time) = sync_rate(project.root().as_path());
    println!("{minutes} minutes; the disk: {rate:.0} syncs a second, one takes {time:?}");
    let server = Server::serve(&project.bundle(), &project.data(), &[]);
    let (sent, over) = (AtomicU64::new(0), AtomicBool::new(false));
    let started = Instant::now();
    let samples = thread::scope(|scope| {
        for client in 0..CLIENTS {
            let (server, sent, over) = (&server, &sent, &over);
            scope.spawn(move || send(server, client, sent, over));
        }
        let mut samples = Vec::new();
        for minute in 1..=minutes {
            thread::sleep(
                (started + Duration::from_secs(60 * minute))
                    .saturating_duration_since(Instant::now()),
            );
            let sample = sample(&server, &project.data(), sent.load(Ordering::Relaxed));
            println!(
                "{minute:>3} min: {} requests, {} MiB resident, {} files, log {:.1} MiB, database {:.1} MiB, {:.1} KiB written a request, {:?} of CPU",
                sample.requests,
                sample.memory,
                sample.files,
                sample.log as f64 / f64::from(1 << 20),
                sample.database as f64 / f64::from(1 << 20),
                sample.written as f64 / 1024.0 / sample.requests as f64,
                cpu_time(server.id()),
            );
            samples.push(sample);
        }
        over.store(true, Ordering::Relaxed);
        samples
    });
    server.stop();
    compare(&samples);
}

/// Sends this client's share of requests, evenly.
fn send(server: &Server, client: u64, sent: &AtomicU64, over: &AtomicBool) {
    let mut connection = Client::connect(server.address());
    let pause = Duration::from_secs(1) * CLIENTS as u32 / PER_SECOND as u32;
    let mut next = Instant::now();
    for number in 0.. {
        if over.load(Ordering::Relaxed) {
            return;
        }
        // Ledgers grow with their accounts; a new account every hundred orders keeps them short.
        let id = format!("{}{client}-{number}", "o".repeat((number / 100 % 200) as usize));
        connection.request("POST", &format!("/orders/{id}"), "");
        sent.fetch_add(1, Ordering::Relaxed);
        next += pause;
        thread::sleep(next.saturating_duration_since(Instant::now()));
    }
}

fn sample(server: &Server, data: &Path, requests: u64) -> Sample {
    let size = |file: &str| fs::metadata(data.join(file)).map_or(0, |file| file.len());
    Sample {
        requests,
        memory: resident(server.id()),
        files: open_files(server.id()),
        log: size("core.db-wal"),
        database: size("core.db"),
        written: written(server.id()),
    }
}

/// The second half against the first.
fn compare(samples: &[Sample]) {
    let half = samples.len() / 2;
    let (first, second) = samples.split_at(half.max(1).min(samples.len()));
    let (Some(_), Some(_)) = (first.last(), second.last()) else { return };
    let most =
        |samples: &[Sample], of: fn(&Sample) -> u64| samples.iter().map(of).max().unwrap_or(0);
    for (what, of) in [
        ("resident memory, MiB", (|sample: &Sample| sample.memory) as fn(&Sample) -> u64),
        ("open files", |sample: &Sample| sample.files as u64),
        ("log, MiB", |sample: &Sample| sample.log >> 20),
    ] {
        println!(
            "most {what}: {} in the first half, {} in the second",
            most(first, of),
            most(second, of)
        );
    }
    let grown = |samples: &[Sample]| {
        let (begin, end) = (samples[0], samples[samples.len() - 1]);
        let requests = (end.requests - begin.requests).max(1) as f64;
        (
            (end.written - begin.written) as f64 / 1024.0 / requests,
            (end.database as f64 - begin.database as f64) / 1024.0 / requests,
        )
    };
    let ((first, kept_first), (second, kept_second)) = (grown(first), grown(second));
    println!("written a request: {first:.1} KiB in the first half, {second:.1} KiB in the second");
    println!(
        "the database grows by {kept_first:.2} KiB a request in the first half, {kept_second:.2} KiB in the second"
    );
}
