//! Tests of telemetry as a whole, on files.

use std::{borrow::Cow, fs};

use motia_manifest::StepName;
use rusqlite::{Connection, params_from_iter, types::Value};
use tempfile::TempDir;

use super::{
    files::{day_of, file_name, id_time, now},
    *,
};
use crate::AttemptError;

const DAY: Millis = 24 * 60 * 60 * 1000;

fn sample(started_at: Millis) -> Run {
    Run {
        id: Telemetry::new_id(started_at),
        tenant: TenantId::default(),
        step: StepName::from("Charge"),
        kind: "event".to_owned(),
        invocation_id: "delivery-1".to_owned(),
        trace_id: TraceId::from("trace"),
        parent: Some("0123456789abcdef".to_owned()),
        delivery: Some(1),
        event_id: Some(2),
        attempt: 1,
        status: RunStatus::Succeeded,
        error: None,
        deployment: "digest".to_owned(),
        input: Some(r#"{"topic":"paid"}"#.to_owned()),
        output: None,
        response_status: None,
        queued_at: started_at,
        started_at,
        ended_at: started_at + 5,
        cpu_us: Some(1200),
        replay_of: None,
        spans: Vec::new(),
        span_count: 0,
    }
}

fn span(number: usize) -> Span {
    Span {
        name: Cow::Borrowed("state.set"),
        start_us: number as i64 - 1,
        duration_us: 7,
        error: (number % 2 == 1).then(|| "no room".to_owned()),
        detail: number.is_multiple_of(3).then(|| format!(r#"{{"key":"{number}"}}"#)),
    }
}

fn entry(at: Millis, level: LogSeverity, message: &str) -> LogEntry {
    LogEntry {
        id: Telemetry::new_id(at),
        tenant: TenantId::default(),
        at,
        level,
        step: StepName::from("Charge"),
        run: format!("{}00001", id_time(at)),
        trace_id: TraceId::from("trace"),
        message: message.to_owned(),
        args: Some(r#"{"card":"4242"}"#.to_owned()),
    }
}

fn open(dir: &TempDir) -> Telemetry {
    Telemetry::open(dir.path(), TelemetryOptions::default()).unwrap()
}

fn all() -> RunFilter {
    RunFilter { limit: 1000, ..RunFilter::default() }
}

fn ids(runs: &[Run]) -> Vec<&str> {
    runs.iter().map(|run| run.id.as_str()).collect()
}

#[tokio::test]
async fn several_days_are_one_list_and_one_trace() {
    let dir = tempfile::tempdir().unwrap();
    let runs = [now() - 2 * DAY, now() - DAY, now()].map(|time| {
        let spans = (0..3).map(span).collect();
        Run { spans, output: Some("[1]".to_owned()), ..sample(time) }
    });
    let telemetry = open(&dir);
    runs.iter().cloned().for_each(|run| telemetry.record(run));
    drop(telemetry);

    let telemetry = open(&dir);
    let [oldest, middle, newest] = runs.each_ref().map(|run| run.id.as_str());
    assert_eq!(ids(&telemetry.list(all()).await.unwrap()), [newest, middle, oldest]);
    let page = RunFilter { before: Some(newest.to_owned()), limit: 1, ..all() };
    assert_eq!(ids(&telemetry.list(page).await.unwrap()), [middle]);
    let time = runs[1].started_at;
    let window = RunFilter { since: Some(time), until: Some(time + 1), ..all() };
    assert_eq!(ids(&telemetry.list(window).await.unwrap()), [middle]);

    let run = telemetry.get(TenantId::default(), middle.to_owned()).await.unwrap().unwrap();
    assert_eq!(run, Run { spans: Vec::new(), span_count: 3, ..runs[1].clone() });
    assert_eq!(telemetry.get(TenantId::from("other"), middle.to_owned()).await.unwrap(), None);

    let trace_id = TraceId::from("trace");
    let trace = telemetry.trace(TenantId::default(), trace_id.clone(), 2).await.unwrap();
    assert_eq!(ids(&trace), [oldest, middle]);
    let (mut after, mut found) = (None, Vec::new());
    loop {
        let page = telemetry.trace_spans(TenantId::default(), trace_id.clone(), after, 2);
        let page = page.await.unwrap();
        let Some((run, index, _)) = page.last() else { break };
        after = Some((run.clone(), *index));
        found.extend(page);
    }
    let expected =
        runs.iter().flat_map(|run| (0..3).map(move |index| (run.id.clone(), index, span(index))));
    assert_eq!(found, expected.collect::<Vec<_>>());
}

#[tokio::test]
async fn spans_are_read_a_page_at_a_time() {
    let dir = tempfile::tempdir().unwrap();
    let telemetry = open(&dir);
    let run = Run { spans: (0..2500).map(span).collect(), ..sample(now()) };
    telemetry.record(run.clone());
    telemetry.flush().await;
    assert_eq!(telemetry.list(all()).await.unwrap()[0].span_count, 2500);
    let page = async |after, limit| {
        telemetry.spans(TenantId::default(), run.id.clone(), after, limit).await.unwrap()
    };
    assert_eq!(page(None, usize::MAX).await, run.spans);
    assert_eq!(page(Some(998), 3).await, run.spans[999..1002]);
    assert_eq!(page(Some(999), 1500).await, run.spans[1000..]);
    assert!(page(Some(2499), 10).await.is_empty());
    let chunks: i64 = Connection::open(dir.path().join(file_name(&day_of(run.started_at))))
        .unwrap()
        .query_row("SELECT count(*) FROM span_chunk", (), |row| row.get(0))
        .unwrap();
    assert_eq!(chunks, 3);
}

#[tokio::test]
async fn every_filter_finds_its_runs_among_many() {
    let dir = tempfile::tempdir().unwrap();
    let telemetry = open(&dir);
    // In the middle of a day, so that all are in one file.
    let start = now() / DAY * DAY - DAY / 2;
    for number in 0..100_000_i64 {
        let mut run = sample(start + number / 10);
        run.step = StepName::from(format!("Step{}", number % 10));
        run.trace_id = TraceId::from(format!("trace-{}", number / 4));
        run.parent = run.parent.filter(|_| number % 1000 != 0);
        run.ended_at = run.started_at + number % 100;
        run.input = None;
        if number % 5000 == 1 {
            run.status = RunStatus::Failed;
            run.error = Some(AttemptError {
                attempt: 1,
                code: "handler_failed".to_owned(),
                message: "No \"money\" left".to_owned(),
                stack: None,
                failed_at: run.ended_at,
            });
        }
        if number % 25_000 == 7 {
            run.kind = "cron".to_owned();
        }
        telemetry.record(run);
        if number % 10_000 == 0 {
            telemetry.flush().await;
        }
    }
    telemetry.flush().await;
    assert_eq!(telemetry.dropped(), 0);

    let found = async |filter: RunFilter| telemetry.list(filter).await.unwrap().len();
    let steps =
        |steps: &[&str]| Some(steps.iter().map(|&step| StepName::from(step)).collect::<Vec<_>>());
    assert_eq!(found(RunFilter { limit: 100_001, ..all() }).await, 100_000);
    let step = RunFilter { steps: steps(&["Step1"]), limit: 100_000, ..all() };
    assert_eq!(found(step.clone()).await, 10_000);
    let two = RunFilter { steps: steps(&["Step1", "Step2", "Step1", "None"]), ..step.clone() };
    assert_eq!(found(two).await, 20_000);
    assert_eq!(found(RunFilter { steps: steps(&[]), ..all() }).await, 0);
    let failed = RunFilter { status: Some(RunStatus::Failed), ..all() };
    assert_eq!(found(failed.clone()).await, 20);
    assert_eq!(found(RunFilter { steps: steps(&["Step1"]), ..failed.clone() }).await, 20);
    assert_eq!(found(RunFilter { steps: steps(&["Step2"]), ..failed }).await, 0);
    assert_eq!(found(RunFilter { kind: Some("cron".to_owned()), ..all() }).await, 4);
    assert_eq!(found(RunFilter { roots: true, ..all() }).await, 100);
    let trace_id = Some(TraceId::from("trace-17"));
    assert_eq!(found(RunFilter { trace_id, ..all() }).await, 4);
    assert_eq!(found(RunFilter { min_ms: Some(99), ..all() }).await, 1000);
    let search = |text: &str| RunFilter { search: Some(text.to_owned()), ..all() };
    assert_eq!(found(search("no \"MONEY\"")).await, 20);
    assert_eq!(found(search("TRACE-24999")).await, 4);
    assert_eq!(found(search("nowhere")).await, 0);
    assert_eq!(found(RunFilter { limit: 5, ..search("step3") }).await, 5);
}

fn plan((query, values): (String, Vec<Value>)) -> Vec<String> {
    let connection = Connection::open_in_memory().unwrap();
    connection.execute_batch(schema::TABLES).unwrap();
    let mut explain = connection.prepare(&format!("EXPLAIN QUERY PLAN {query}")).unwrap();
    let rows = explain.query_map(params_from_iter(values), |row| row.get("detail")).unwrap();
    rows.map(Result::unwrap).collect()
}

fn assert_plan(query: (String, Vec<Value>), index: &str) {
    let plan = plan(query);
    let searches = plan.iter().filter(|line| line.starts_with("SEARCH"));
    assert!(searches.count() > 0, "{plan:?}");
    for line in &plan {
        let merged = line.starts_with("MERGE") || line == "LEFT" || line == "RIGHT";
        let used = line.starts_with("SEARCH") && line.contains(&format!("USING INDEX {index} "));
        assert!(merged || used, "expected {index}: {plan:?}");
    }
}

#[test]
fn lists_are_ranges_of_an_index() {
    let time = RunFilter { since: Some(1), until: Some(9), before: Some("9".to_owned()), ..all() };
    let steps = |count: usize| {
        let name = |number| StepName::from(format!("Step{number}"));
        Some((0..count).map(name).collect::<Vec<_>>())
    };
    let failed = Some(RunStatus::Failed);
    let trace_id = Some(TraceId::from("trace"));
    for (filter, index) in [
        (all(), "sqlite_autoindex_run_1"),
        (time.clone(), "sqlite_autoindex_run_1"),
        (RunFilter { steps: steps(1), ..time.clone() }, "run_step"),
        (RunFilter { steps: steps(50), roots: true, ..time.clone() }, "run_step"),
        (RunFilter { steps: steps(1000), ..time.clone() }, "sqlite_autoindex_run_1"),
        (RunFilter { status: failed, steps: steps(2), ..time.clone() }, "run_unsuccessful"),
        (RunFilter { status: failed, trace_id, roots: true, ..time.clone() }, "run_trace"),
        (RunFilter { kind: Some("cron".to_owned()), ..time.clone() }, "run_kind"),
        (RunFilter { roots: true, kind: Some("api".to_owned()), ..time }, "run_root"),
    ] {
        assert_plan(filter.query().unwrap(), index);
    }
    assert_plan(run::of_trace(&TenantId::default(), &TraceId::from("trace")), "run_trace");
    let logs = LogFilter { limit: 10, until: Some(9), ..LogFilter::default() };
    let severe = LogFilter { level: Some(LogSeverity::Warn), ..logs.clone() };
    let step = LogFilter { step: Some(StepName::from("Charge")), ..logs.clone() };
    for (filter, index) in [
        (logs.clone(), "sqlite_autoindex_log_1"),
        (LogFilter { level: Some(LogSeverity::Info), ..logs.clone() }, "sqlite_autoindex_log_1"),
        (LogFilter { level: Some(LogSeverity::Error), ..step.clone() }, "log_severe"),
        (LogFilter { trace_id: Some(TraceId::from("trace")), ..severe.clone() }, "log_trace"),
        (LogFilter { run: Some("1".to_owned()), ..severe.clone() }, "log_run"),
        (severe, "log_severe"),
        (step, "log_step"),
    ] {
        assert_plan(filter.query(), index);
    }
}

#[tokio::test]
async fn logs_are_found_by_what_they_are() {
    let dir = tempfile::tempdir().unwrap();
    let telemetry = open(&dir);
    let (yesterday, today) = (now() - DAY, now());
    let entries = [
        entry(yesterday, LogSeverity::Error, "the card is refused"),
        entry(today, LogSeverity::Debug, "asking"),
        entry(today, LogSeverity::Info, "paid"),
        entry(today, LogSeverity::Warn, "late"),
    ];
    entries.iter().cloned().for_each(|entry| telemetry.log(entry));
    telemetry.flush().await;
    let every = LogFilter { limit: 10, ..LogFilter::default() };
    let found = async |filter: LogFilter| {
        let logs = telemetry.logs(filter).await.unwrap();
        logs.into_iter().map(|entry| entry.message).collect::<Vec<_>>()
    };
    assert_eq!(found(every.clone()).await, ["late", "paid", "asking", "the card is refused"]);
    let level = |level| LogFilter { level: Some(level), ..every.clone() };
    assert_eq!(found(level(LogSeverity::Info)).await, ["late", "paid", "the card is refused"]);
    assert_eq!(found(level(LogSeverity::Warn)).await, ["late", "the card is refused"]);
    assert_eq!(found(level(LogSeverity::Error)).await, ["the card is refused"]);
    let run = LogFilter { run: Some(entries[0].run.clone()), ..every.clone() };
    assert_eq!(found(run).await, ["the card is refused"]);
    let search = LogFilter { search: Some("CARD IS".to_owned()), ..every.clone() };
    assert_eq!(found(search).await, ["the card is refused"]);
    let page = LogFilter { before: Some(entries[2].id.clone()), limit: 1, ..every };
    assert_eq!(telemetry.logs(page).await.unwrap(), entries[1..2]);
}

#[tokio::test]
async fn watchers_are_shown_what_is_recorded() {
    let dir = tempfile::tempdir().unwrap();
    let telemetry = open(&dir);
    telemetry.record(sample(now()));
    let mut watcher = telemetry.watch();
    let small = Run { spans: vec![span(0)], ..sample(now()) };
    let large = Run { spans: (0..2500).map(span).collect(), ..sample(now()) };
    telemetry.record(small.clone());
    telemetry.record(large.clone());
    telemetry.log(entry(now(), LogSeverity::Info, "paid"));
    let Ok(Recorded::Run(run)) = watcher.recv().await else { panic!("no run") };
    assert_eq!(*run, Run { span_count: 1, ..small });
    let json = serde_json::to_value(&*run).unwrap();
    assert_eq!((&json["spans"], json.get("input")), (&serde_json::json!(1), None));
    let Ok(Recorded::Run(run)) = watcher.recv().await else { panic!("no run") };
    assert_eq!((run.span_count, run.spans.len(), &run.input), (2500, 0, &None));
    let Ok(Recorded::Log(log)) = watcher.recv().await else { panic!("no log") };
    assert_eq!(serde_json::to_value(&*log).unwrap()["args"]["card"], "4242");
    telemetry.flush().await;
    let spans = telemetry.spans(TenantId::default(), large.id, Some(2490), 100).await.unwrap();
    assert_eq!(spans.len(), 9);
}

#[tokio::test]
async fn a_damaged_day_does_not_hide_the_others() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join(file_name(&day_of(now() - DAY))), "no database").unwrap();
    let telemetry = open(&dir);
    let run = sample(now());
    telemetry.record(run.clone());
    telemetry.flush().await;
    assert_eq!(ids(&telemetry.list(all()).await.unwrap()), [run.id]);
}

#[tokio::test]
async fn a_file_that_cannot_be_written_is_put_aside() {
    let inside = |bytes: &mut Vec<u8>| bytes[4096..].fill(0x55);
    let throughout = |bytes: &mut Vec<u8>| bytes.fill(0x55);
    for damage in [inside as fn(&mut Vec<u8>), throughout] {
        let dir = tempfile::tempdir().unwrap();
        let time = now();
        let telemetry = open(&dir);
        (0..500).for_each(|_| telemetry.record(sample(time)));
        drop(telemetry);
        let file = dir.path().join(file_name(&day_of(time)));
        let mut bytes = fs::read(&file).unwrap();
        damage(&mut bytes);
        fs::write(&file, bytes).unwrap();

        let telemetry = open(&dir);
        // A connection to the file that is put aside is not used any more.
        let _ = telemetry.list(all()).await;
        let run = sample(time);
        telemetry.record(run.clone());
        telemetry.flush().await;
        assert!(file.with_extension("db.broken").exists());
        assert_eq!(ids(&telemetry.list(all()).await.unwrap()), [run.id]);
        assert_eq!(telemetry.dropped(), 0);
    }
}

#[tokio::test]
async fn a_file_of_another_version_is_put_aside_unchanged() {
    for version in [0, schema::VERSION + 1] {
        let dir = tempfile::tempdir().unwrap();
        let time = now();
        let telemetry = open(&dir);
        telemetry.record(sample(time));
        telemetry.record(sample(time - DAY));
        drop(telemetry);
        let file = |time| dir.path().join(file_name(&day_of(time)));
        for time in [time, time - DAY] {
            let connection = Connection::open(file(time)).unwrap();
            connection.execute_batch(&format!("PRAGMA user_version = {version}")).unwrap();
        }

        let telemetry = open(&dir);
        let run = sample(time);
        telemetry.record(run.clone());
        telemetry.flush().await;
        assert_eq!(ids(&telemetry.list(all()).await.unwrap()), [run.id]);
        // Nothing is written to yesterday's, which is left alone.
        assert!(file(time - DAY).exists());
        let aside = Connection::open(file(time).with_extension("db.broken")).unwrap();
        let there = "SELECT user_version, (SELECT count(*) FROM run) FROM pragma_user_version";
        let there: (i64, i64) =
            aside.query_row(there, (), |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        assert_eq!(there, (version, 1));
    }
}

#[tokio::test]
async fn days_that_are_over_go_with_all_their_files() {
    let dir = tempfile::tempdir().unwrap();
    let kept = day_of(now() - 7 * DAY);
    let names = |day: &str| {
        [
            format!("telemetry-{day}.db"),
            format!("telemetry-{day}.db-wal"),
            format!("telemetry-{day}.db.broken"),
            format!("telemetry-{day}.db.broken-shm"),
            format!("runs-{day}.db"),
        ]
    };
    let others = ["telemetry-2020.db", "telemetry-20200101.db.mine", "runs-2020010x.db"];
    let stay: Vec<String> = names(&kept).into_iter().chain(others.map(str::to_owned)).collect();
    for name in names("20200101").iter().chain(&stay) {
        fs::write(dir.path().join(name), "").unwrap();
    }
    let telemetry = open(&dir);
    telemetry.flush().await;
    let exists = |name: &String| dir.path().join(name).exists();
    assert!(!names("20200101").iter().any(exists));
    assert!(stay.iter().all(exists));
}

#[tokio::test]
async fn what_cannot_be_kept_is_counted() {
    let waiting = Waiting::default();
    assert!(waiting.admit(64 << 20));
    assert!(!waiting.admit(1));
    waiting.release(1, 64 << 20);
    assert!((0..1 << 14).all(|_| waiting.admit(1)));
    assert!(!waiting.admit(1));
    assert_eq!(waiting.dropped(), 2);

    let dir = tempfile::tempdir().unwrap();
    let missing = dir.path().join("missing");
    let telemetry = Telemetry::open(&missing, TelemetryOptions::default()).unwrap();
    telemetry.record(sample(now()));
    telemetry.log(entry(now(), LogSeverity::Info, "paid"));
    telemetry.flush().await;
    assert_eq!(telemetry.dropped(), 2);
    assert!(telemetry.list(all()).await.unwrap().is_empty());
}

#[tokio::test]
async fn values_that_are_too_large_are_not_kept() {
    let dir = tempfile::tempdir().unwrap();
    let options = TelemetryOptions { max_value_bytes: 8, ..TelemetryOptions::default() };
    let telemetry = Telemetry::open(dir.path(), options).unwrap();
    let run = Run { output: Some("1".to_owned()), ..sample(now()) };
    telemetry.record(run.clone());
    telemetry.log(entry(now(), LogSeverity::Info, "seven ßss"));
    telemetry.flush().await;
    let kept = telemetry.get(TenantId::default(), run.id).await.unwrap().unwrap();
    assert_eq!((kept.input, kept.output.as_deref()), (None, Some("1")));
    let logs = telemetry.logs(LogFilter { limit: 1, ..LogFilter::default() }).await.unwrap();
    assert_eq!((logs[0].message.as_str(), &logs[0].args), ("seven ß…", &None));
}
