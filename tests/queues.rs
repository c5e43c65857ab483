//! What a step's queue does with its events, on the real server.

mod support;

use std::{sync::Arc, thread};

use serde_json::{Value, json};
use support::{Project, SOON, Server, Shared, wait_for, wait_until};
use tempfile::TempDir;

static PROJECT: Shared<Project> = Shared::new();

struct Host {
    server: Server,
    _project: Arc<Project>,
    _data: TempDir,
}

impl Host {
    fn new() -> Self {
        let project = PROJECT.get(|| {
            let project = Project::fixture("queues");
            project.build();
            project
        });
        let data = tempfile::tempdir().expect("a temporary directory");
        let server = Server::serve(&project.bundle(), data.path(), &[]);
        Self { server, _project: project, _data: data }
    }

    #[track_caller]
    fn emit(&self, body: Value) {
        let reply = self.server.post("/emit", &body);
        assert_eq!(reply.status, 200, "{reply:?}");
    }

    /// Emits data for each number.
    #[track_caller]
    fn emit_all<T>(&self, topic: &str, of: impl IntoIterator<Item = T>, data: impl Fn(T) -> Value) {
        for one in of {
            self.emit(json!({ "topic": topic, "data": data(one) }));
        }
    }

    #[track_caller]
    fn later(&self, body: Value) -> Value {
        let reply = self.server.post("/later", &body);
        assert_eq!(reply.status, 200, "{reply:?}");
        reply.json()
    }

    #[track_caller]
    fn set(&self, group: &str, key: &str, body: Value) {
        let reply = self.server.post(&format!("/set/{group}/{key}"), &body);
        assert_eq!(reply.status, 200, "{reply:?}");
    }

    fn state(&self, group: &str, key: &str) -> Value {
        self.server.get(&format!("/state/{group}/{key}")).json()["value"].clone()
    }

    /// The messages of the log that begin with `text`, in order.
    fn lines(&self, text: &str) -> Vec<String> {
        let log = self.server.log();
        let found = log.lines().filter_map(|line| {
            let (message, _) = line[line.find(text)?..].split_once(" step=")?;
            Some(message.to_owned())
        });
        found.collect()
    }

    #[track_caller]
    fn wait_for_lines(&self, text: &str, count: usize) -> Vec<String> {
        let what = format!("{count} lines with `{text}`");
        wait_for(SOON, &what, || Some(self.lines(text)).filter(|lines| lines.len() >= count))
    }
}

#[test]
fn a_fifo_group_keeps_its_order_through_retries() {
    let host = Host::new();
    for n in 1..=4 {
        for group in ["a", "b"] {
            let data = json!({ "group": group, "n": n });
            host.emit(json!({ "topic": "fifo", "data": data, "messageGroupId": group }));
        }
    }
    host.wait_for_lines("fifo ", 8);
    for group in ["a", "b"] {
        let expected: Vec<String> =
            (1..=4).map(|n| format!("fifo {group} {n} of {group}")).collect();
        assert_eq!(host.lines(&format!("fifo {group} ")), expected);
    }
}

#[test]
fn events_with_the_same_key_do_not_run_at_the_same_time() {
    let host = Host::new();
    host.emit_all(
        "keyed",
        0..6,
        |n: usize| json!({ "customer": { "id": (["a", "b"][n % 2]) }, "n": n }),
    );
    host.wait_for_lines("keyed end", 6);
    for customer in ["a", "b"] {
        let lines: Vec<String> = host
            .lines("keyed ")
            .into_iter()
            .filter(|line| line.split(' ').nth(2) == Some(customer))
            .map(|line| line.split(' ').nth(1).unwrap_or_default().to_owned())
            .collect();
        assert_eq!(lines, ["begin", "end", "begin", "end", "begin", "end"], "{customer}");
    }
    let both: Vec<String> = host.lines("keyed ").into_iter().take(2).collect();
    assert!(
        both.iter().all(|line| line.contains("begin")),
        "the two keys wait for each other: {both:?}"
    );
}

#[test]
fn higher_priorities_go_first() {
    let host = Host::new();
    host.emit(json!({ "topic": "priority", "data": { "urgency": 0, "hold": true } }));
    host.wait_for_lines("priority 0", 1);
    host.emit_all("priority", [1, 5, 3], |urgency| json!({ "urgency": urgency }));
    let begun = host.wait_for_lines("priority ", 4);
    let expected =
        ["priority 0 begins", "priority 5 begins", "priority 3 begins", "priority 1 begins"];
    assert_eq!(begun, expected);
}

#[test]
fn a_throttle_lets_events_through_evenly_and_by_key() {
    let host = Host::new();
    host.emit_all("throttle", 0..4, |n| json!({ "key": "a", "n": n }));
    host.emit_all("throttle", 0..1, |n| json!({ "key": "b", "n": n }));
    let time = |key: &str| host.state("throttled", key.replace(' ', "%20").as_str()).as_i64();
    let last = wait_for(SOON, "the last one", || time("a 3"));
    let (first, other) = (time("a 0").expect("a time"), time("b 0").expect("a time"));
    assert!(last - first >= 1_400, "2 a second, and the fourth after {} ms", last - first);
    assert!(other - first < 1_000, "the other key has waited {} ms", other - first);
}

#[test]
fn a_rate_limit_drops_what_is_too_much() {
    let host = Host::new();
    host.emit_all("limited", 0..5, |n| json!({ "n": n }));
    wait_until(SOON, "the second one", || host.state("limited", "1") == json!(true));
    // Those that were not dropped have come by now: they are handled in order of their emission.
    assert_eq!(host.state("limited", "2"), json!(null));
    assert!(host.server.log().contains("dropped by rate limits"), "{}", host.server.log());
}

#[test]
fn of_a_burst_the_last_event_is_delivered() {
    let host = Host::new();
    host.emit_all("edited", 1..=3, |n| json!({ "document": "a", "n": n }));
    host.emit_all("edited", 1..=1, |n| json!({ "document": "b", "n": n }));
    wait_until(SOON, "both documents", || {
        !host.state("saved", "a").is_null() && !host.state("saved", "b").is_null()
    });
    assert_eq!(host.state("saved", "a"), json!({ "version3": true }));
    assert_eq!(host.state("saved", "b"), json!({ "version1": true }));
}

#[test]
fn a_batch_is_full_or_has_waited_and_is_tried_again_as_a_whole() {
    let host = Host::new();
    host.emit_all("gathered", 1..=4, |n| json!({ "n": n, "fails": n == 2 }));
    let batches = host.wait_for_lines("batch of", 2);
    let expected = ["batch of 1+2+3 from gathered+gathered+gathered", "batch of 4 from gathered"];
    let mut sorted = batches.clone();
    sorted.sort();
    assert_eq!(sorted, expected);
}

#[test]
fn an_event_for_later_comes_then_or_is_taken_back() {
    let host = Host::new();
    let soon =
        host.later(json!({ "text": "soon", "options": { "delay": 300, "headers": { "a": "b" } } }));
    let never = host.later(json!({ "text": "never", "options": { "delay": 60_000 } }));
    let at = host.later(json!({ "text": "at", "options": { "at": "2001-01-01T00:00:00Z" } }));
    assert_eq!(host.later(json!({ "cancels": never["id"] })), json!({ "cancelled": true }));
    assert_eq!(host.later(json!({ "cancels": never["id"] })), json!({ "cancelled": false }));
    let id = |reply: &Value| reply["id"].as_str().expect("an id").to_owned();
    host.server.wait_for_log(&format!("late soon {}", id(&soon)));
    host.server.wait_for_log(&format!("late at {}", id(&at)));
    assert!(host.lines("late soon")[0].contains(r#"{"a":"b"}"#), "{:?}", host.lines("late"));
    assert_eq!(host.lines("late never"), Vec::<String>::new());
}

#[test]
fn an_event_with_a_name_is_stored_once() {
    let host = Host::new();
    let send = || host.later(json!({ "text": "named", "options": { "id": "order-7" } }));
    let (first, second) = (send(), send());
    assert_eq!(first, second);
    host.later(json!({ "text": "other", "options": { "id": "order-8" } }));
    host.wait_for_lines("late other", 1);
    assert_eq!(host.lines("late named").len(), 1);
}

#[test]
fn a_failed_attempt_of_an_atomic_step_leaves_nothing() {
    let host = Host::new();
    host.emit(json!({ "topic": "atomic", "data": { "id": "x" } }));
    host.wait_for_lines("atomic x attempt 1", 1);
    // Between the attempts.
    assert_eq!(host.state("atomic", "x"), json!(null));
    host.server.wait_for_log("atomic done x by attempt 2");
    let attempts = host.lines("atomic x attempt");
    let own = |attempt: u32| {
        format!("atomic x attempt {attempt} before null after {{\"attempt\":{attempt}}} group 1")
    };
    assert_eq!(attempts, [own(1), own(2)]);
    assert_eq!(host.state("atomic", "x"), json!({ "attempt": 2 }));
    assert_eq!(host.lines("atomic done").len(), 1, "an emit of the failed attempt was delivered");
}

#[test]
fn atomic_requests_at_the_same_time_lose_no_count() {
    let host = Host::new();
    let counted = thread::scope(|scope| {
        let requests: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let replies = (0..10).map(|_| host.server.post("/count", &json!({})).status);
                    replies.filter(|status| *status == 200).count()
                })
            })
            .collect();
        requests.into_iter().map(|request| request.join().expect("a client")).sum::<usize>()
    });
    assert_eq!(host.state("counts", "all"), json!(counted));
    assert!(counted >= 36, "only {counted} of 40 succeeded");
}

#[test]
fn a_change_of_state_runs_the_steps_that_watch_it_in_order() {
    let host = Host::new();
    host.set("watched", "order:1", json!({ "value": { "total": 5 } }));
    host.set("watched", "other", json!({ "value": { "total": 50 } }));
    for total in [11, 12, 13] {
        host.set("watched", "order:1", json!({ "value": { "total": total } }));
    }
    host.set("watched", "order:1", json!({}));
    let seen = host.wait_for_lines("watched order:1", 4);
    let change = |before: i32, after: i32| {
        format!("watched order:1 {{\"total\":{before}}} to {{\"total\":{after}}}")
    };
    let deleted = "watched order:1 {\"total\":13} to null".to_owned();
    assert_eq!(seen, [change(5, 11), change(11, 12), change(12, 13), deleted]);
    assert_eq!(host.lines("watched other"), Vec::<String>::new());
}

#[test]
fn a_change_of_a_stream_item_runs_the_steps_that_follow_it() {
    let host = Host::new();
    host.set("board", "ada", json!({ "points": 1 }));
    host.set("board", "ada", json!({ "points": 2 }));
    let seen = host.wait_for_lines("followed ada", 2);
    let item = |action: &str, points: i32| {
        format!("followed ada {action} {{\"points\":{points},\"id\":\"ada\"}}")
    };
    assert_eq!(seen, [item("create", 1), item("update", 2)]);
}

#[test]
fn a_step_that_writes_what_it_watches_is_stopped_with_the_reason() {
    let host = Host::new();
    host.set("loop", "n", json!({ "value": 0 }));
    let line = host.server.wait_for_log("changes that have caused each other");
    assert!(line.contains("`Loop`") && line.contains("narrow its"), "{line}");
    assert_eq!(host.state("loop", "n"), json!(19));
}

#[test]
fn a_handler_says_when_it_wants_to_be_tried_again() {
    let host = Host::new();
    host.emit(json!({ "topic": "soon", "data": {} }));
    host.server.wait_for_log("soon attempt 2");
}
