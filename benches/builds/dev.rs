//! From a save to the first answer of the new code in `motia dev`.

use std::{
    thread::sleep,
    time::{Duration, Instant},
};

use crate::{
    measure::{heading_of_times, times, value},
    sources::VALUE_PATH,
    subject::Subject,
    support::{SLOW, Server},
};

const EDITS: usize = 10;

/// Between requests, so that the build gets most of the machine.
const PAUSE: Duration = Duration::from_millis(10);

/// Between edits, so that each is alone.
const QUIET: Duration = Duration::from_millis(500);

/// What was asked meanwhile.
#[derive(Default)]
struct Requests {
    all: usize,
    failed: usize,
}

/// Prints the times, and how many requests failed.
pub fn measure(subject: &Subject) {
    let server = Server::dev(&subject.root(), &subject.data());
    let mut requests = Requests::default();
    let saved: Vec<Duration> =
        (0..EDITS).map(|_| save_to_answer(subject, &server, &mut requests)).collect();
    server.stop();
    heading_of_times(&format!("{}: motia dev", subject.name()));
    times("from a save to the first answer of the new code", &saved);
    value("requests meanwhile", requests.all.to_string());
    value("  that failed; none may", requests.failed.to_string());
}

fn save_to_answer(subject: &Subject, server: &Server, requests: &mut Requests) -> Duration {
    sleep(QUIET);
    let saved = Instant::now();
    let wanted = subject.next_value();
    loop {
        let answer = ask(server);
        let elapsed = saved.elapsed();
        requests.all += 1;
        match answer {
            Some(found) if found == u64::from(wanted) => return elapsed,
            Some(_) => {}
            None => requests.failed += 1,
        }
        assert!(elapsed < SLOW, "the edit is not served:\n{}", server.log());
        sleep(PAUSE);
    }
}

/// The value that is answered; none when the request fails.
fn ask(server: &Server) -> Option<u64> {
    let reply = server.try_request("GET", VALUE_PATH, &[], b"").ok()?;
    let body: serde_json::Value = serde_json::from_slice(&reply.body).ok()?;
    (reply.status == 200).then(|| body["value"].as_u64()).flatten()
}
