//! What a query finds, and what it cannot reach.

use std::sync::LazyLock;

use motia_manifest::{StepName, TraceId};
use serde_json::json;
use tempfile::TempDir;

use super::*;
use crate::{
    AttemptError, AuditEntry, EventIds, EventKind, GroupKey, LogEntry, LogSeverity, NewDelivery,
    NewEvent, Run, RunStatus, SqliteStore, Store, Telemetry, TelemetryOptions,
};

const LONG: Duration = Duration::from_secs(60);

static IDS: LazyLock<EventIds> = LazyLock::new(EventIds::default);

/// A data directory with a little of everything, and the store that has it open.
struct Data {
    store: SqliteStore,
    directory: TempDir,
}

impl Data {
    async fn new() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let store = SqliteStore::open(directory.path()).expect("the store opens");
        for tenant in ["default", "other"].map(TenantId::from) {
            fill(&store, &tenant).await;
        }
        let telemetry =
            Telemetry::open(directory.path(), TelemetryOptions::default()).expect("telemetry");
        let now = jiff::Timestamp::now().as_millisecond();
        for tenant in ["default", "other"].map(TenantId::from) {
            let run = run(tenant, now);
            telemetry.log(entry(&run));
            telemetry.record(run);
        }
        drop(telemetry);
        Self { store, directory }
    }

    fn ask(&self, sql: &str, limit: usize, time: Duration) -> Result<QueryAnswer, QueryError> {
        let request = QueryRequest { sql: sql.to_owned(), limit };
        answer(self.directory.path(), &TenantId::default(), &request, time)
    }

    #[track_caller]
    fn rows(&self, sql: &str) -> Value {
        json!(self.ask(sql, 100, LONG).unwrap_or_else(|error| panic!("{sql}: {error}")).rows)
    }

    #[track_caller]
    fn refused(&self, sql: &str) -> String {
        match self.ask(sql, 100, LONG) {
            Err(QueryError::Invalid(message)) => message,
            other => panic!("{sql}: {other:?}"),
        }
    }
}

async fn fill(store: &SqliteStore, tenant: &TenantId) {
    let group = |stream: Option<&str>| GroupKey {
        tenant: tenant.clone(),
        stream: stream.map(str::to_owned),
        group: "orders".to_owned(),
    };
    let value = json!({ "status": "paid", "of": tenant.as_str() }).to_string();
    let set = store.state_set(group(None), "1".to_owned(), value.clone(), None, 5);
    set.await.expect("a value");
    store.item_set(group(Some("chat")), "1".to_owned(), value, None, 6).await.expect("an item");
    let event = NewEvent {
        id: IDS.next(),
        tenant: tenant.clone(),
        kind: EventKind::Event,
        topic: "paid".to_owned(),
        data: "{}".to_owned(),
        headers: None,
        trace_id: TraceId::from("trace"),
        message_group_id: None,
        depth: 0,
        cause: None,
        unique: None,
        deliveries: vec![NewDelivery::new(StepName::from("Charge"), 7)],
    };
    store.emit(event, 7).await.expect("an event");
    let entry = AuditEntry {
        tenant: tenant.clone(),
        at: 8,
        actor: "admin".to_owned(),
        action: "queues.pause".to_owned(),
        subject: "Charge".to_owned(),
        detail: None,
    };
    store.audit(entry).await.expect("an entry");
}

fn run(tenant: TenantId, now: i64) -> Run {
    let error = AttemptError {
        attempt: 1,
        code: "handler_failed".to_owned(),
        message: "the card was declined".to_owned(),
        stack: None,
        failed_at: now,
    };
    Run {
        id: Telemetry::new_id(now),
        tenant,
        step: StepName::from("Charge"),
        kind: "event".to_owned(),
        invocation_id: "delivery-1".to_owned(),
        trace_id: TraceId::from("trace"),
        parent: None,
        delivery: Some(1),
        event_id: Some(2),
        attempt: 1,
        status: RunStatus::Failed,
        error: Some(error),
        deployment: "digest".to_owned(),
        input: Some(r#"{"topic":"paid"}"#.to_owned()),
        output: None,
        response_status: None,
        queued_at: now - 3,
        started_at: now,
        ended_at: now + 5,
        cpu_us: Some(1200),
        replay_of: None,
        spans: Vec::new(),
        span_count: 0,
    }
}

fn entry(run: &Run) -> LogEntry {
    LogEntry {
        id: Telemetry::new_id(run.started_at),
        tenant: run.tenant.clone(),
        at: run.started_at,
        level: LogSeverity::Warn,
        step: run.step.clone(),
        run: run.id.clone(),
        trace_id: run.trace_id.clone(),
        message: "again".to_owned(),
        args: None,
    }
}

#[tokio::test]
async fn each_table_has_the_rows_of_its_tenant_in_the_columns_that_are_told() {
    let data = Data::new().await;
    for table in query_schema().tables {
        let found = data.ask(&format!("SELECT * FROM {}", table.name), 100, LONG);
        let found = found.unwrap_or_else(|error| panic!("{}: {error}", table.name));
        let told: Vec<&str> = table.columns.iter().map(|column| column.name).collect();
        assert_eq!(found.columns, told, "{}", table.name);
        let expected = usize::from(table.name != "dead_letters");
        assert_eq!(found.rows.len(), expected, "{}", table.name);
        let count = data.rows(&format!("SELECT count(*) FROM {}", table.name));
        assert_eq!(count, json!([[expected]]), "{}", table.name);
    }
    let runs = "SELECT step, status, duration_ms, waited_ms, error_code, input FROM runs";
    let run = json!([["Charge", "failed", 5, 3, "handler_failed", r#"{"topic":"paid"}"#]]);
    assert_eq!(data.rows(runs), run);
    assert_eq!(data.rows("SELECT value ->> '$.of', bytes FROM state"), json!([["default", 32]]));
    assert_eq!(data.rows("SELECT step, ready, dead FROM queues"), json!([["Charge", 1, 0]]));
    assert_eq!(data.rows("SELECT state, due_at FROM deliveries"), json!([["ready", 7]]));
}

#[tokio::test]
async fn the_examples_have_answers() {
    let data = Data::new().await;
    for example in query_schema().examples {
        data.rows(example.sql);
    }
}

#[tokio::test]
async fn runs_and_logs_are_empty_where_nothing_is_recorded() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let store = SqliteStore::open(directory.path()).expect("the store opens");
    let data = Data { store, directory };
    assert_eq!(data.rows("SELECT runs.step, logs.message FROM runs, logs"), json!([]));
}

#[tokio::test]
async fn a_query_reads_the_tables_and_nothing_else() {
    let data = Data::new().await;
    let refused = [
        "SELECT * FROM event",
        "SELECT count(*) FROM delivery",
        "SELECT value FROM main.state",
        "SELECT count(*) FROM main.state",
        "SELECT * FROM day0.run",
        "SELECT response FROM answer",
        // Names of views for what is none.
        "WITH runs AS (SELECT * FROM event) SELECT * FROM runs",
        "WITH state AS (SELECT * FROM main.state) SELECT count(*) FROM state",
        "SELECT * FROM (SELECT * FROM main.state) AS state",
        "SELECT name FROM sqlite_schema",
        "SELECT name FROM sqlite_temp_schema",
        "SELECT count(*) FROM temp.sqlite_schema",
        "SELECT * FROM pragma_database_list",
        "SELECT * FROM dbstat",
        "PRAGMA journal_mode = DELETE",
        "ATTACH ':memory:' AS other",
        "VACUUM INTO 'copy.db'",
        "DELETE FROM main.audit",
        "UPDATE main.state SET value = '1'",
        "CREATE TEMP TABLE own (a)",
        "DROP VIEW runs",
        "BEGIN",
        "SELECT load_extension('x')",
        "SELECT randomblob(1000000)",
        "SELECT 1; DELETE FROM main.audit",
        "SELECT ?1",
        "-- nothing",
    ];
    for sql in refused {
        data.refused(sql);
    }
    for sql in ["SELECT * FROM event", "UPDATE state SET value = '1'"] {
        let why = data.refused(sql);
        assert!(why.contains("a query only reads, from runs, logs"), "{why}");
    }
    let tenant = TenantId::default();
    let audits = data.store.audits(tenant, None, 10).await.expect("the audit");
    assert_eq!(audits.len(), 1);
}

#[tokio::test]
async fn what_is_wrong_is_said_with_its_place() {
    let data = Data::new().await;
    let why = data.refused("SELECT step,\n       stauts FROM runs");
    assert!(
        why.contains("no such column: stauts") && why.ends_with("at line 2, column 8"),
        "{why}"
    );
}

#[tokio::test]
async fn a_query_ends_in_time_and_finds_no_more_than_is_asked_for() {
    let data = Data::new().await;
    let numbers = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)";
    let endless = data.ask(&format!("{numbers} SELECT count(*) FROM n"), 1, Duration::ZERO);
    assert!(matches!(endless, Err(QueryError::Timeout)), "{endless:?}");

    let some = data.ask(&format!("{numbers} SELECT i FROM n"), 2, LONG).expect("an answer");
    assert_eq!((json!(some.rows), some.truncated), (json!([[1], [2]]), true));
    let all = data.ask("SELECT 1 UNION SELECT 2", 2, LONG).expect("an answer");
    assert_eq!((all.rows.len(), all.truncated), (2, false));

    let large = format!("{numbers} SELECT printf('%.1000000c', 'a') FROM n");
    let large = data.ask(&large, 100, LONG);
    assert!(matches!(large, Err(QueryError::TooLarge)), "{large:?}");
}

#[tokio::test]
async fn numbers_that_javascript_cannot_hold_are_texts() {
    let data = Data::new().await;
    let rows = data
        .rows("SELECT 9007199254740991, 9007199254740992, -9007199254740993, 0.5, x'0aff', NULL");
    let expected = json!([[
        9_007_199_254_740_991_i64,
        "9007199254740992",
        "-9007199254740993",
        0.5,
        "0aff",
        null
    ]]);
    assert_eq!(rows, expected);
}

#[tokio::test]
async fn few_queries_wait() {
    let data = Data::new().await;
    let held = TURN.acquire().await.expect("the turn");
    let request = || QueryRequest { sql: "SELECT 1".to_owned(), limit: 1 };
    let tenant = TenantId::default();
    // A process that reads its task and answers.
    let script =
        r#"read -r task; printf '{"Answer":{"columns":["1"],"rows":[[1]],"truncated":false}}'"#;
    let command: QueryCommand = ["/bin/sh", "-c", script].map(Into::into).to_vec();
    let ask = || query(&command, data.directory.path(), &tenant, request());
    let mut waiting: Vec<_> = (0..=WAITING).map(|_| Box::pin(ask())).collect();
    for one in &mut waiting {
        let polled = tokio::time::timeout(Duration::ZERO, one).await;
        assert!(polled.is_err(), "it waits");
    }
    assert!(matches!(ask().await, Err(QueryError::Busy)));
    drop(held);
    for one in waiting {
        assert_eq!(one.await.expect("an answer").rows, vec![vec![json!(1)]]);
    }
}

#[tokio::test]
async fn a_process_that_is_ended_has_used_too_much() {
    let data = Data::new().await;
    let ask = async |script: &str| {
        let command: QueryCommand = ["/bin/sh", "-c", script].map(Into::into).to_vec();
        let request = QueryRequest { sql: "SELECT 1".to_owned(), limit: 1 };
        worker::run(&command, data.directory.path().to_owned(), &TenantId::default(), request).await
    };
    assert!(matches!(ask("kill -ABRT $$").await, Err(QueryError::TooLarge)));
    assert!(matches!(ask("kill -XCPU $$").await, Err(QueryError::Timeout)));
    assert!(matches!(ask("exit 3").await, Err(QueryError::Failed(_))));
}
