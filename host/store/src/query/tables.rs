//! The tables of queries: what they are called, and where their columns come from.

use motia_manifest::TenantId;
use serde::Serialize;

use super::QueryExample;

/// What can be read as a table.
#[derive(Debug, Clone, Serialize)]
pub struct QueryTable {
    /// Its name.
    pub name: &'static str,
    /// What its rows are.
    pub description: &'static str,
    /// Its columns.
    pub columns: &'static [QueryColumn],
    #[serde(skip)]
    rows: Rows,
}

/// A column.
#[derive(Debug, Clone, Serialize)]
pub struct QueryColumn {
    /// Its name.
    pub name: &'static str,
    /// What it has: `text`, `integer`, `time` (milliseconds since 1970) or `json`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    #[serde(skip)]
    sql: &'static str,
}

/// Where rows come from, as what follows `FROM`. `{file}` stands for the file, `{tenant}` for the tenant.
#[derive(Debug, Clone)]
enum Rows {
    /// The store.
    Store(&'static str),
    /// The telemetry of each day.
    Days(&'static str),
}

use Rows::{Days, Store};

/// A column and the expression that it stands for.
const fn column(name: &'static str, kind: &'static str, sql: &'static str) -> QueryColumn {
    QueryColumn { name, kind, sql }
}

/// A column that has the same name in its file.
const fn plain(name: &'static str, kind: &'static str) -> QueryColumn {
    column(name, kind, name)
}

pub(super) const TABLES: &[QueryTable] = &[
    QueryTable {
        name: "runs",
        description: "Invocations that have ended, of the last seven days",
        columns: &[
            plain("id", "text"),
            plain("step", "text"),
            plain("kind", "text"),
            plain("status", "text"),
            plain("started_at", "time"),
            plain("ended_at", "time"),
            column("duration_ms", "integer", "ended_at - started_at"),
            column("waited_ms", "integer", "started_at - queued_at"),
            plain("cpu_us", "integer"),
            plain("attempt", "integer"),
            column("error_code", "text", "error ->> '$.code'"),
            column("error_message", "text", "error ->> '$.message'"),
            plain("error", "json"),
            plain("trace_id", "text"),
            plain("parent", "text"),
            plain("event_id", "integer"),
            plain("delivery", "integer"),
            plain("invocation_id", "text"),
            plain("response_status", "integer"),
            plain("deployment", "text"),
            plain("replay_of", "text"),
            column("spans", "integer", "span_count"),
            column(
                "input",
                "json",
                "(SELECT input FROM {file}.run_value AS kept WHERE kept.tenant = run.tenant AND kept.run = run.id)",
            ),
            column(
                "output",
                "json",
                "(SELECT output FROM {file}.run_value AS kept WHERE kept.tenant = run.tenant AND kept.run = run.id)",
            ),
        ],
        rows: Days("{file}.run AS run WHERE tenant = {tenant}"),
    },
    QueryTable {
        name: "logs",
        description: "What steps have logged in the last seven days",
        columns: &[
            plain("id", "text"),
            plain("at", "time"),
            plain("level", "text"),
            plain("step", "text"),
            plain("message", "text"),
            plain("args", "json"),
            plain("run", "text"),
            plain("trace_id", "text"),
        ],
        rows: Days("{file}.log AS log WHERE tenant = {tenant}"),
    },
    QueryTable {
        name: "state",
        description: "State values",
        columns: &[
            column("group_id", "text", "grp"),
            plain("key", "text"),
            plain("value", "json"),
            column("bytes", "integer", "octet_length(value)"),
            plain("updated_at", "time"),
        ],
        rows: Store("{file}.state AS state WHERE tenant = {tenant}"),
    },
    QueryTable {
        name: "stream_items",
        description: "Items of streams",
        columns: &[
            plain("stream", "text"),
            column("group_id", "text", "grp"),
            plain("id", "text"),
            plain("data", "json"),
            column("offset", "integer", "\"offset\""),
            plain("updated_at", "time"),
        ],
        rows: Store("{file}.stream_item AS item WHERE tenant = {tenant}"),
    },
    QueryTable {
        name: "deliveries",
        description: "Deliveries that have not ended, with their events",
        columns: &[
            column("id", "integer", "delivery.id"),
            plain("step", "text"),
            plain("topic", "text"),
            plain("kind", "text"),
            column(
                "state",
                "text",
                "CASE WHEN lease_until > {now} THEN 'leased'
                      WHEN parked = 1 THEN 'parked'
                      WHEN due_at <= {now} THEN 'ready'
                      WHEN admitted = 2 THEN 'throttled'
                      WHEN attempt > 0 THEN 'retrying'
                      ELSE 'scheduled' END",
            ),
            plain("due_at", "time"),
            plain("attempt", "integer"),
            column(
                "last_error_code",
                "text",
                "(SELECT failed.error ->> '$.code' FROM {file}.attempt_error AS failed
                  WHERE failed.delivery_id = delivery.id ORDER BY failed.attempt DESC LIMIT 1)",
            ),
            plain("priority", "integer"),
            plain("lane", "text"),
            plain("data", "json"),
            plain("trace_id", "text"),
            plain("event_id", "integer"),
            plain("cause", "text"),
            plain("emitted_at", "time"),
            plain("created_at", "time"),
        ],
        // Both tenants are asked for: the guard takes a table of which no column is read for one that a query names.
        rows: Store(
            "{file}.delivery AS delivery JOIN {file}.event AS event ON event.id = delivery.event_id
             WHERE delivery.tenant = {tenant} AND event.tenant = {tenant}",
        ),
    },
    QueryTable {
        name: "events",
        description: "Events that have deliveries which have not ended",
        columns: &[
            plain("id", "integer"),
            plain("topic", "text"),
            plain("kind", "text"),
            plain("data", "json"),
            plain("headers", "json"),
            plain("trace_id", "text"),
            plain("message_group_id", "text"),
            plain("depth", "integer"),
            plain("cause", "text"),
            plain("emitted_at", "time"),
        ],
        rows: Store("{file}.event AS event WHERE tenant = {tenant}"),
    },
    QueryTable {
        name: "dead_letters",
        description: "Deliveries that have failed for good",
        columns: &[
            plain("id", "integer"),
            plain("step", "text"),
            plain("topic", "text"),
            plain("kind", "text"),
            plain("code", "text"),
            column("message", "text", "errors ->> '$[#-1].message'"),
            column("attempts", "integer", "json_array_length(errors)"),
            plain("errors", "json"),
            plain("data", "json"),
            plain("headers", "json"),
            plain("trace_id", "text"),
            plain("message_group_id", "text"),
            plain("event_id", "integer"),
            plain("cause", "text"),
            plain("emitted_at", "time"),
            plain("died_at", "time"),
        ],
        rows: Store("{file}.dead_letter AS letter WHERE tenant = {tenant}"),
    },
    QueryTable {
        name: "queues",
        description: "Queues that hold something or were changed",
        columns: &[
            plain("step", "text"),
            column(
                "ready",
                "integer",
                "count(*) FILTER (WHERE parked = 0 AND due_at <= {now} AND coalesce(lease_until, 0) <= {now})",
            ),
            column(
                "delayed",
                "integer",
                "count(*) FILTER (WHERE parked = 0 AND due_at > {now} AND lease_until IS NULL)",
            ),
            column(
                "parked",
                "integer",
                "count(*) FILTER (WHERE parked = 1 AND coalesce(lease_until, 0) <= {now})",
            ),
            column("leased", "integer", "count(*) FILTER (WHERE lease_until > {now})"),
            column("dead", "integer", "sum(dead)"),
            column(
                "oldest_due_at",
                "time",
                "min(due_at) FILTER (WHERE parked = 0 AND due_at <= {now})",
            ),
            column("paused", "text", "max(settings ->> '$.paused.reason')"),
        ],
        rows: Store(
            "(SELECT step, parked, due_at, lease_until, 0 AS dead, NULL AS settings
              FROM {file}.delivery WHERE tenant = {tenant}
              UNION ALL
              SELECT step, NULL, NULL, NULL, 1, NULL FROM {file}.dead_letter WHERE tenant = {tenant}
              UNION ALL
              SELECT step, NULL, NULL, NULL, 0, settings FROM {file}.queue_settings WHERE tenant = {tenant})
             GROUP BY step",
        ),
    },
    QueryTable {
        name: "audit",
        description: "What people have changed",
        columns: &[
            plain("id", "integer"),
            plain("at", "time"),
            plain("actor", "text"),
            plain("action", "text"),
            plain("subject", "text"),
            plain("detail", "json"),
        ],
        rows: Store("{file}.audit AS audit WHERE tenant = {tenant}"),
    },
];

pub(super) const EXAMPLES: &[QueryExample] = &[
    QueryExample {
        title: "The slowest runs of the last hour",
        sql: "SELECT id, step, status, duration_ms, cpu_us / 1000 AS cpu_ms\nFROM runs\n\
              WHERE started_at > unixepoch() * 1000 - 3600000\nORDER BY duration_ms DESC\nLIMIT 20",
    },
    QueryExample {
        title: "Failures by step and error",
        sql: "SELECT step, error_code, count(*) AS failures, datetime(max(ended_at) / 1000, 'unixepoch') AS last\n\
              FROM runs\nWHERE status = 'failed'\nGROUP BY step, error_code\nORDER BY failures DESC",
    },
    QueryExample {
        title: "Runs of each step by the minute",
        sql: "SELECT strftime('%H:%M', started_at / 1000, 'unixepoch') AS minute, step, count(*) AS runs,\n       \
              round(avg(duration_ms), 1) AS mean_ms, max(duration_ms) AS longest_ms\nFROM runs\n\
              WHERE started_at > unixepoch() * 1000 - 900000\nGROUP BY minute, step\nORDER BY minute DESC, runs DESC",
    },
    QueryExample {
        title: "Warnings and errors, with how their runs ended",
        sql: "SELECT datetime(logs.at / 1000, 'unixepoch') AS time, logs.step, logs.level, logs.message, runs.status\n\
              FROM logs LEFT JOIN runs ON runs.id = logs.run\nWHERE logs.level IN ('warn', 'error')\n\
              ORDER BY logs.id DESC\nLIMIT 50",
    },
    QueryExample {
        title: "What waits, and for what",
        sql: "SELECT step, state, count(*) AS deliveries, datetime(min(due_at) / 1000, 'unixepoch') AS first_due\n\
              FROM deliveries\nGROUP BY step, state\nORDER BY deliveries DESC",
    },
    QueryExample {
        title: "The largest state values",
        sql: "SELECT group_id, key, bytes, datetime(updated_at / 1000, 'unixepoch') AS updated\n\
              FROM state\nORDER BY bytes DESC\nLIMIT 20",
    },
    QueryExample {
        title: "A field of a state value",
        sql: "SELECT group_id, key, value ->> '$.status' AS status\nFROM state\n\
              WHERE value ->> '$.status' IS NOT NULL\nLIMIT 100",
    },
    QueryExample {
        title: "Dead letters by reason",
        sql: "SELECT step, code, message, count(*) AS letters\nFROM dead_letters\n\
              GROUP BY step, code, message\nORDER BY letters DESC",
    },
];

/// What makes the views of a tenant's data: of each table one whose name ends with the secret, which reads the files,
/// and one with the table's own name, which reads the first.
pub(super) fn views(days: &[String], tenant: &TenantId, secret: &str, now: i64) -> Vec<String> {
    let tenant = format!("'{}'", tenant.as_str().replace('\'', "''"));
    let view = |table: &QueryTable| {
        let rows =
            rows_of(table, days).replace("{tenant}", &tenant).replace("{now}", &now.to_string());
        let name = table.name;
        format!(
            "CREATE TEMP VIEW \"{name} {secret}\" AS {rows};
             CREATE TEMP VIEW \"{name}\" AS SELECT * FROM temp.\"{name} {secret}\";"
        )
    };
    TABLES.iter().map(view).collect()
}

fn rows_of(table: &QueryTable, days: &[String]) -> String {
    let columns: Vec<String> = table
        .columns
        .iter()
        .map(|column| format!("{} AS \"{}\"", column.sql, column.name))
        .collect();
    let select = |rows: &str, file: &str| {
        format!("SELECT {} FROM {rows}", columns.join(", ")).replace("{file}", file)
    };
    match &table.rows {
        Store(rows) => select(rows, "main"),
        Days(_) if days.is_empty() => {
            let nothing: Vec<String> =
                table.columns.iter().map(|column| format!("NULL AS \"{}\"", column.name)).collect();
            format!("SELECT {} WHERE 0", nothing.join(", "))
        }
        Days(rows) => {
            let days: Vec<String> = days.iter().map(|day| select(rows, day)).collect();
            days.join(" UNION ALL ")
        }
    }
}
