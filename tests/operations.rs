//! What operators see and change of a running host: by its API, and by the commands that use it.

mod support;

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
};

use serde_json::{Value, json};
use support::{
    Ended, Project, Reply, SLOW, SOON, Server, Shared, motia, run, wait_for, wait_until,
};
use tempfile::TempDir;

const TOKEN: &str = "a-token-of-these-tests";

/// An hour in milliseconds: longer than any test.
const HOUR: u64 = 3_600_000;

static PROJECT: Shared<Project> = Shared::new();

/// The fixture and a data directory of its own.
struct Host {
    project: Arc<Project>,
    directory: TempDir,
}

impl Host {
    fn new() -> Self {
        let project = PROJECT.get(|| {
            let project = Project::fixture("operations");
            project.build();
            project
        });
        Self { project, directory: tempfile::tempdir().expect("a temporary directory") }
    }

    /// A file or directory that only this test has.
    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn data(&self) -> PathBuf {
        self.path("data")
    }

    #[track_caller]
    fn serve(&self) -> Server {
        self.serve_data(&self.data(), &[])
    }

    #[track_caller]
    fn serve_data(&self, data: &Path, options: &[&str]) -> Server {
        let options = [&["--api-token", TOKEN][..], options].concat();
        Server::serve(&self.project.bundle(), data, &options)
    }
}

fn ask(server: &Server, method: &str, path: &str, body: &Value) -> Reply {
    let token = format!("Bearer {TOKEN}");
    let headers = [("authorization", token.as_str()), ("content-type", "application/json")];
    let path = format!("/__motia/api/{path}");
    server.request(method, &path, &headers, body.to_string().as_bytes())
}

#[track_caller]
fn get(server: &Server, path: &str) -> Value {
    let reply = ask(server, "GET", path, &Value::Null);
    assert_eq!(reply.status, 200, "{path}: {}", reply.text());
    reply.json()
}

#[track_caller]
fn list(server: &Server, path: &str) -> Vec<Value> {
    get(server, path)["items"].as_array().expect("a list").clone()
}

#[track_caller]
fn wait_for_count(server: &Server, path: &str, count: usize) -> Vec<Value> {
    wait_for(SOON, &format!("{count} of {path}"), || {
        Some(list(server, path)).filter(|items| items.len() == count)
    })
}

fn id(item: &Value) -> String {
    item["id"].as_str().unwrap_or_else(|| panic!("no id that is a string: {item}")).to_owned()
}

/// A command against the host, with its token.
#[track_caller]
fn operate(server: &Server, arguments: &[&str]) -> Ended {
    let host = ["--url", server.url(), "--api-token", TOKEN];
    run(motia([]).args(arguments).args(host), SOON)
}

#[track_caller]
fn succeed(server: &Server, arguments: &[&str]) -> String {
    let ended = operate(server, arguments);
    assert_eq!(ended.code, Some(0), "{arguments:?}: {ended:#?}");
    ended.stdout
}

/// What a command that fails says.
#[track_caller]
fn fail(server: &Server, arguments: &[&str]) -> String {
    let ended = operate(server, arguments);
    assert_eq!(ended.code, Some(1), "{arguments:?}: {ended:#?}");
    ended.stderr
}

/// Emits an event and returns its id.
#[track_caller]
fn emit(server: &Server, event: &Value) -> String {
    let reply = server.post("/emit", event);
    assert_eq!((reply.status, &reply.json()["success"]), (200, &json!(true)), "{reply:?}");
    id(&reply.json())
}

#[track_caller]
fn set_flag(server: &Server, name: &str) {
    assert_eq!(server.post(&format!("/flags/{name}"), &json!({})).status, 200);
}

/// The delivery of a step that does not run for this reason.
#[track_caller]
fn wait_for_reason(server: &Server, step: &str, reason: &str) -> Value {
    wait_for(SOON, &format!("a delivery of {step} that is `{reason}`"), || {
        let mut deliveries = list(server, &format!("deliveries?step={step}")).into_iter();
        deliveries.find(|delivery| delivery["reason"] == reason)
    })
}

#[test]
fn a_paused_queue_attempts_nothing_says_why_and_stays_paused_over_a_restart() {
    let host = Host::new();
    let server = host.serve();
    succeed(&server, &["queue", "Work", "pause", "--reason", "the bank is down"]);
    emit(&server, &json!({ "topic": "work", "data": { "n": 1 } }));
    let delivery = wait_for_reason(&server, "Work", "paused");
    assert!(delivery["why"].as_str().expect("a sentence").contains("the bank is down"));
    assert_eq!((&delivery["data"], &delivery["attempt"]), (&json!({ "n": 1 }), &json!(0)));
    let shown = succeed(&server, &["inspect", "deliveries", "--step", "Work"]);
    assert!(shown.contains("the bank is down") && shown.contains(&id(&delivery)), "{shown}");
    let overview = succeed(&server, &["inspect"]);
    assert!(overview.contains("paused: the bank is down"), "{overview}");
    assert!(overview.contains("1 ready"), "{overview}");
    server.stop();

    let server = host.serve();
    assert_eq!(get(&server, "queues/Work")["paused"]["reason"], "the bank is down");
    assert!(!server.log().contains("worked"), "{}", server.log());
    succeed(&server, &["queue", "Work", "resume"]);
    server.wait_for_log_with(&["worked", "\"n\":1"]);
    assert_eq!(get(&server, "queues/Work")["paused"], Value::Null);
    assert!(fail(&server, &["queue", "Nobody", "pause"]).contains("not_found"));
}

#[test]
fn each_delivery_says_what_it_waits_for() {
    let host = Host::new();
    let server = host.serve();
    emit(&server, &json!({ "topic": "work", "delay": HOUR }));
    emit(&server, &json!({ "topic": "retrying" }));
    for n in [1, 2] {
        let group = json!({ "topic": "ordered", "data": { "n": n }, "messageGroupId": "g" });
        emit(&server, &group);
    }
    let scheduled = wait_for_reason(&server, "Work", "scheduled");
    assert!(scheduled["why"].as_str().expect("a sentence").contains("its time comes in"));
    let retrying = wait_for_reason(&server, "Retrying", "retrying");
    assert!(retrying["why"].as_str().expect("a sentence").contains("attempt 1 failed"));
    assert_eq!(retrying["lastError"]["message"], "Error: not yet");
    let running = wait_for_reason(&server, "Ordered", "running");
    let behind = wait_for_reason(&server, "Ordered", "behind");
    assert_eq!((&behind["behind"], &behind["data"]), (&running["id"], &json!({ "n": 2 })));
    let shown = succeed(&server, &["inspect", "deliveries", "--state", "parked"]);
    let expected = format!("it is behind {} of the group `g`", id(&running));
    assert!(shown.contains(&expected), "{shown}");
    let one = succeed(&server, &["inspect", "delivery", &id(&retrying)]);
    assert!(one.contains("state: retrying") && one.contains("not yet"), "{one}");

    set_flag(&server, "ordered");
    server.wait_for_log_with(&["ordered ends", "\"n\":2"]);
}

#[test]
fn dead_letters_are_redriven_one_by_one_by_filter_and_all_and_discarded() {
    let host = Host::new();
    let server = host.serve();
    for order in 1..=5 {
        emit(&server, &json!({ "topic": "charge", "data": { "order": order } }));
    }
    let letters = wait_for_count(&server, "dead-letters?step=Charge", 5);
    let page = get(&server, "dead-letters?limit=3");
    let next = page["next"].as_str().expect("another page");
    assert_eq!(list(&server, &format!("dead-letters?limit=3&before={next}")).len(), 2);
    let letter = get(&server, &format!("dead-letters/{}", id(&letters[0])));
    let order = letter["data"]["order"].as_u64().expect("a number");
    let message = format!("Error: order {order} cannot be charged");
    assert_eq!(letter["errors"][0]["message"], message);
    let shown = succeed(&server, &["inspect", "dead-letters", "--code", "handler_failed"]);
    assert!(shown.contains(&format!("handler_failed: {message}")), "{shown}");

    // By mistake, nobody means all of them.
    for operation in ["dead-letters/redrive", "dead-letters/discard"] {
        let refused = ask(&server, "POST", operation, &json!({}));
        assert_eq!(refused.error(), (400, "invalid_request".to_owned()));
    }
    let nothing = operate(&server, &["discard"]);
    assert_eq!(nothing.code, Some(2), "{nothing:#?}");
    succeed(&server, &["discard", "--id", &id(&letters[0])]);
    wait_for_count(&server, "dead-letters", 4);

    set_flag(&server, "bank");
    let charged = |letter: &Value| {
        let order = letter["data"].to_string();
        server.wait_for_log_with(&["charged", &order]);
    };
    succeed(&server, &["redrive", "--id", &id(&letters[1])]);
    charged(&letters[1]);
    let trace = letters[2]["traceId"].as_str().expect("a trace");
    succeed(&server, &["redrive", "--trace", trace, "--step", "Charge", "--rate", "1000"]);
    charged(&letters[2]);
    assert_eq!(list(&server, "dead-letters").len(), 2);
    succeed(&server, &["redrive", "--all"]);
    charged(&letters[3]);
    charged(&letters[4]);
    wait_for_count(&server, "dead-letters", 0);
    wait_for_count(&server, "redrives", 0);
    let discarded = format!("\"order\":{order}");
    let log = server.log();
    assert!(
        !log.lines().any(|line| line.contains("charged") && line.contains(&discarded)),
        "{log}"
    );
}

#[test]
fn a_run_is_ended_with_the_delivery_that_it_attempts() {
    let host = Host::new();
    let server = host.serve();
    emit(&server, &json!({ "topic": "held" }));
    let running = wait_for_count(&server, "runs/running", 1);
    assert_eq!(running[0]["step"], "Held");
    let run = id(&running[0]);
    succeed(&server, &["cancel", "--run", &run]);
    wait_for_count(&server, "runs/running", 0);
    wait_for_count(&server, "deliveries?step=Held", 0);
    let cancelled = wait_for_count(&server, "runs?status=cancelled", 1);
    assert_eq!(
        (id(&cancelled[0]), &cancelled[0]["error"]["code"]),
        (run.clone(), &json!("cancelled"))
    );
    assert_eq!(list(&server, "dead-letters"), Vec::<Value>::new());
    assert!(fail(&server, &["cancel", "--run", &run]).contains("not_found"));
}

#[test]
fn an_event_that_waits_for_its_time_is_taken_back() {
    let host = Host::new();
    let server = host.serve();
    let event = emit(&server, &json!({ "topic": "work", "at": "2100-01-01T00:00:00Z" }));
    emit(&server, &json!({ "topic": "work", "delay": HOUR }));
    let waiting = list(&server, &format!("deliveries?event={event}"));
    assert_eq!((waiting.len(), &waiting[0]["dueAt"]), (1, &json!(4_102_444_800_000_u64)));
    succeed(&server, &["cancel", "--event", &event]);
    let other = wait_for_count(&server, "deliveries", 1);
    assert!(fail(&server, &["cancel", "--event", &event]).contains("not_found"));
    succeed(&server, &["cancel", "--delivery", &id(&other[0])]);
    assert_eq!(list(&server, "deliveries"), Vec::<Value>::new());
}

#[test]
fn a_past_run_is_run_again_with_its_input_or_another_one() {
    let host = Host::new();
    let server = host.serve();
    assert_eq!(
        server.post("/orders", &json!({ "item": "a" })).json(),
        json!({ "n": 1, "item": "a" })
    );
    let past = id(&wait_for_count(&server, "runs?step=Orders", 1)[0]);
    let run = get(&server, &format!("runs/{past}"));
    assert_eq!((&run["status"], &run["responseStatus"]), (&json!("succeeded"), &json!(201)));
    assert_eq!(run["input"]["rawBody"], "{\"item\":\"a\"}");

    let shown = succeed(&server, &["replay", &past]);
    assert!(shown.contains("status: 201"), "{shown}");
    let mut input = run["input"].clone();
    input["rawBody"] = json!("{\"item\":\"b\"}");
    let again = ask(&server, "POST", &format!("runs/{past}/replay"), &json!({ "input": input }));
    let body = again.json()["body"].as_str().expect("a body").to_owned();
    let body: Value = serde_json::from_str(&body).expect("the step's JSON");
    assert_eq!(body, json!({ "n": 3, "item": "b" }));
    let runs = wait_for_count(&server, "runs?step=Orders", 3);
    assert_eq!((&runs[0]["replayOf"], &runs[1]["replayOf"]), (&json!(past), &json!(past)));
    let unfit = ask(&server, "POST", &format!("runs/{past}/replay"), &json!({ "input": 5 }));
    assert_eq!(unfit.error(), (400, "invalid_input".to_owned()));
    let unknown = fail(&server, &["replay", &past, "--version", "nothing"]);
    assert!(unknown.contains("unknown_version"), "{unknown}");
    assert!(fail(&server, &["replay", "000000000000"]).contains("not_found"));
}

#[test]
fn a_change_of_a_queue_is_in_force_at_once_and_survives_kill_9() {
    let host = Host::new();
    let server = host.serve();
    for _ in 0..3 {
        emit(&server, &json!({ "topic": "held" }));
    }
    wait_for_count(&server, "runs/running", 1);
    let waiting = wait_for_reason(&server, "Held", "concurrency");
    assert!(waiting["why"].as_str().expect("a sentence").contains("1 of 1"), "{waiting}");
    succeed(&server, &["queue", "Held", "set", "--concurrency", "3"]);
    wait_for_count(&server, "runs/running", 3);
    server.kill9();

    let server = host.serve();
    wait_for_count(&server, "runs/running", 3);
    let queue = get(&server, "queues/Held");
    assert_eq!(
        (&queue["concurrency"], &queue["settings"]),
        (&json!(3), &json!({ "concurrency": 3 }))
    );
    let refused = fail(&server, &["queue", "Held", "set", "--concurrency", "0"]);
    assert!(refused.contains("invalid_settings") && refused.contains("1 to 10000"), "{refused}");
    let unknown = ask(&server, "PATCH", "queues/Held", &json!({ "speed": 3 }));
    assert_eq!(unknown.error(), (400, "invalid_settings".to_owned()));
    succeed(&server, &["queue", "Held", "set", "--max-retries", "1"]);
    succeed(&server, &["queue", "Held", "set", "--concurrency", "default"]);
    let queue = get(&server, "queues/Held");
    assert_eq!(
        (&queue["concurrency"], &queue["settings"]),
        (&json!(1), &json!({ "maxRetries": 1 }))
    );
}

#[test]
fn a_cron_step_runs_now_and_tells_its_next_ticks() {
    let host = Host::new();
    let server = host.serve();
    let crons = list(&server, "crons?next=3");
    assert_eq!((crons.len(), &crons[0]["step"]), (1, &json!("Tick")));
    let ticks = crons[0]["nextTicks"].as_array().expect("times");
    let ticks: Vec<i64> = ticks.iter().map(|tick| tick.as_i64().expect("a time")).collect();
    assert_eq!(ticks.len(), 3);
    assert!(ticks.is_sorted() && ticks[0] < ticks[1], "{ticks:?}");
    succeed(&server, &["cron", "run", "Tick"]);
    server.wait_for_log("ticked");
    let runs = wait_for_count(&server, "runs?step=Tick", 1);
    assert_eq!(runs[0]["kind"], "cron");
    assert!(fail(&server, &["cron", "run", "Work"]).contains("not_found"));
}

#[test]
fn only_the_token_opens_the_api_of_a_served_bundle() {
    let host = Host::new();
    let closed = Server::serve(&host.project.bundle(), &host.path("closed"), &[]);
    let refused = closed.get("/__motia/api/queues");
    assert_eq!(refused.error(), (403, "api_disabled".to_owned()));
    assert!(refused.text().contains("--api-token"), "{}", refused.text());

    let server = host.serve();
    let wrong_token: &[(&str, &str)] = &[("authorization", "Bearer a-token-of-these-test")];
    for headers in [wrong_token, &[]] {
        let refused = server.request("GET", "/__motia/api/queues", headers, b"");
        assert_eq!(refused.error(), (401, "unauthorized".to_owned()));
        assert_eq!(refused.header("www-authenticate"), Some("Bearer"));
    }
    let queues = ask(&server, "GET", "queues", &Value::Null);
    assert_eq!(queues.status, 200, "{}", queues.text());
    assert_eq!(queues.header("access-control-allow-origin"), None);
    assert_eq!(server.get("/__motia/health").status, 200);

    let unknown = ask(&server, "GET", "deliveries?stpe=Work", &Value::Null);
    assert_eq!(unknown.error(), (400, "invalid_query".to_owned()));
    assert!(
        unknown.text().contains("step, state, event, traceId, after, limit"),
        "{}",
        unknown.text()
    );
    assert_eq!(ask(&server, "GET", "nothing", &Value::Null).error().0, 404);
    let wrong = ask(&server, "DELETE", "queues/Work", &Value::Null);
    assert_eq!((wrong.status, wrong.header("allow")), (405, Some("GET, HEAD, PATCH")));

    let mut short = motia(["serve", "--api-token", "short", "--addr", "127.0.0.1:0"]);
    let ended = run(short.arg(host.project.bundle()).arg("--data").arg(host.path("short")), SLOW);
    assert_eq!(ended.code, Some(1), "{ended:#?}");
    assert!(ended.stderr.contains("at least 16"), "{ended:#?}");
}

#[test]
fn dev_opens_the_api_to_this_machine_only() {
    let project = Project::fixture("operations");
    let server = Server::dev(&project.root(), &project.data());
    let queues = "/__motia/api/queues";
    let answered = server.get(queues);
    assert_eq!(answered.status, 200, "{}", answered.text());
    assert_eq!(answered.header("access-control-allow-origin"), None);
    for header in [("host", "example.org"), ("origin", "https://example.org")] {
        let refused = server.request("GET", queues, &[header], b"");
        assert_eq!(refused.error(), (403, "not_local".to_owned()), "{header:?}");
    }
    let shown = run(motia(["inspect", "queues", "--url"]).arg(server.url()), SOON);
    assert!(shown.code == Some(0) && shown.stdout.contains("Charge"), "{shown:#?}");
}

#[test]
fn a_request_with_a_known_idempotency_key_gets_the_first_answer() {
    let host = Host::new();
    let server = host.serve();
    let order = |server: &Server, key: &str, item: &str| {
        let headers = [("content-type", "application/json"), ("idempotency-key", key)];
        let body = json!({ "item": item }).to_string();
        server.request("POST", "/orders", &headers, body.as_bytes())
    };
    let first = order(&server, "key-1", "a");
    assert_eq!((first.status, first.json()), (201, json!({ "n": 1, "item": "a" })));
    assert_eq!(first.header("idempotency-replayed"), None);
    let assert_replayed = |server: &Server| {
        let again = order(server, "key-1", "a");
        assert_eq!((again.status, again.json()), (201, json!({ "n": 1, "item": "a" })));
        assert_eq!(again.header("idempotency-replayed"), Some("true"));
    };
    assert_replayed(&server);
    let conflict = order(&server, "key-1", "b");
    assert_eq!(conflict.error(), (409, "idempotency_conflict".to_owned()));
    let invalid = order(&server, "key 1", "a");
    assert_eq!(invalid.error(), (400, "invalid_idempotency_key".to_owned()));
    assert_eq!(order(&server, "key-2", "a").json()["n"], 2);
    server.kill9();

    assert_replayed(&host.serve());
}

#[test]
fn an_event_with_a_known_id_is_not_stored_again() {
    let host = Host::new();
    let server = host.serve();
    let event = json!({ "topic": "work", "data": 1, "id": "order-7", "delay": HOUR });
    let first = emit(&server, &event);
    assert_eq!(emit(&server, &event), first);
    let named = ["emit", "--topic", "work", "--message", "2", "--id", "order-8"];
    let options = ["--delay", "3600", "--priority", "-5", "--group", "g", "--url"];
    for _ in 0..2 {
        let sent = run(motia(named).args(options).arg(server.url()), SOON);
        assert_eq!(sent.code, Some(0), "{sent:#?}");
    }
    let deliveries = list(&server, "deliveries?step=Work");
    let data: Vec<&Value> = deliveries.iter().map(|delivery| &delivery["data"]).collect();
    assert_eq!(data, [1, 2]);
    assert_eq!(
        (&deliveries[0]["eventId"], &deliveries[1]["priority"]),
        (&json!(first), &json!(-5))
    );
    let invalid = server.post("/emit", &json!({ "topic": "work", "at": "tomorrow" }));
    assert_eq!(invalid.error(), (400, "invalid_emit".to_owned()));
    assert!(invalid.text().contains("`at`"), "{}", invalid.text());
}

#[test]
fn a_backup_of_a_serving_host_is_served_elsewhere() {
    let host = Host::new();
    let server = host.serve();
    let event = |n: u32| json!({ "topic": "work", "data": { "n": n }, "delay": HOUR });
    emit(&server, &event(1));
    let (copy, other) = (host.path("copy"), host.path("other"));
    let backup = run(motia(["backup"]).arg(&copy).arg("--data").arg(host.data()), SOON);
    assert_eq!(backup.code, Some(0), "{backup:#?}");
    emit(&server, &event(2));
    let restore = |data: &Path, options: &[&str]| {
        run(motia(["restore"]).arg(&copy).arg("--data").arg(data).args(options), SOON)
    };
    let in_use = restore(&host.data(), &["--keep-old"]);
    assert!(in_use.code == Some(1) && in_use.stderr.contains("in use"), "{in_use:#?}");

    let restored = restore(&other, &[]);
    assert_eq!(restored.code, Some(0), "{restored:#?}");
    let elsewhere = host.serve_data(&other, &[]);
    let deliveries = list(&elsewhere, "deliveries");
    assert_eq!((deliveries.len(), &deliveries[0]["data"]), (1, &json!({ "n": 1 })));
    assert_eq!(list(&server, "deliveries").len(), 2);
    server.stop();
    let in_the_way = restore(&host.data(), &[]);
    assert!(
        in_the_way.code == Some(1) && in_the_way.stderr.contains("--keep-old"),
        "{in_the_way:#?}"
    );
    assert_eq!(restore(&host.data(), &["--keep-old"]).code, Some(0));
    assert_eq!(list(&host.serve(), "deliveries").len(), 1);
}

#[track_caller]
fn assert_refuses_work(server: &Server) {
    for (path, body) in [("/orders", json!({})), ("/emit", json!({ "topic": "work" }))] {
        let refused = server.post(path, &body);
        assert_eq!(refused.error(), (503, "disk_full".to_owned()), "{path}");
        assert!(refused.header("retry-after").is_some(), "{refused:?}");
    }
    assert_eq!(server.get("/__motia/health").status, 200);
}

#[test]
fn without_room_on_the_disk_no_work_is_taken_but_questions_are_answered() {
    let host = Host::new();
    let before = host.serve();
    emit(&before, &json!({ "topic": "work", "delay": HOUR }));
    before.stop();
    // A PiB.
    let server = host.serve_data(&host.data(), &["--min-free", "1073741824"]);
    assert_refuses_work(&server);
    assert_eq!(list(&server, "deliveries").len(), 1);
    server.stop();
    emit(&host.serve(), &json!({ "topic": "work" }));
}

/// Bytes that are free where a directory is.
fn free_bytes(directory: &Path) -> u64 {
    let ended = run(Command::new("df").args(["--output=avail", "-B1"]).arg(directory), SOON);
    let free = ended.stdout.lines().next_back().and_then(|line| line.trim().parse().ok());
    free.unwrap_or_else(|| panic!("no free bytes: {ended:#?}"))
}

#[test]
fn a_host_on_a_full_disk_goes_on_by_itself_once_there_is_room() {
    const GIB: u64 = 1 << 30;
    let host = Host::new();
    let free = free_bytes(host.directory.path());
    if free < 4 * GIB {
        eprintln!("skipped: only {free} bytes are free");
        return;
    }
    let min_free = ((free - GIB) >> 20).to_string();
    let server = host.serve_data(&host.data(), &["--min-free", &min_free]);
    emit(&server, &json!({ "topic": "held" }));
    let ballast = host.path("ballast");
    let filled = run(Command::new("fallocate").args(["-l", "2GiB"]).arg(&ballast), SOON);
    assert_eq!(filled.code, Some(0), "{filled:#?}");
    wait_until(SOON, "work is refused", || server.post("/orders", &json!({})).status == 503);
    assert_refuses_work(&server);

    std::fs::remove_file(&ballast).expect("to remove the ballast");
    wait_until(SOON, "work is taken again", || server.post("/orders", &json!({})).status == 201);
    set_flag(&server, "held");
    wait_for_count(&server, "deliveries", 0);
}
