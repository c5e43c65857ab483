//! What steps log.

use motia_manifest::{StepName, TenantId, TraceId};
use rusqlite::{Connection, Row, types::Value};
use serde::{Deserialize, Serialize};

use super::{
    files::time_of,
    query::{Conditions, Range, contains, needle},
    span::json_text,
};
use crate::{Json, Millis, StoreResult};

/// What an entry takes besides its texts, nearly.
const ROW_BYTES: usize = 256;
const MINUTE: Millis = 60 * 1000;

/// Those that a search looks at come first.
pub(crate) const COLUMNS: &str = "message, args, id, tenant, at, level, step, run, trace_id";

/// How much a log entry matters, the least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogSeverity {
    /// For those who look for a mistake.
    Debug,
    /// What goes on.
    Info,
    /// What may be wrong.
    Warn,
    /// What has failed.
    Error,
}

impl LogSeverity {
    /// The word in the database and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}

/// One thing that a step has logged.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LogEntry {
    /// Unique, and in the order of time; from [`Telemetry::new_id`](super::Telemetry::new_id) with `at`.
    pub id: String,
    /// Whose it is.
    #[serde(skip)]
    pub tenant: TenantId,
    /// When it was logged.
    pub at: Millis,
    /// How much it matters.
    pub level: LogSeverity,
    /// The step.
    pub step: StepName,
    /// The run.
    pub run: String,
    /// What the run belongs to.
    pub trace_id: TraceId,
    /// What it says.
    pub message: String,
    /// More about it; none if it was too large to keep.
    #[serde(with = "json_text")]
    pub args: Option<Json>,
}

impl LogEntry {
    /// The bytes that it takes, nearly.
    pub(super) fn weight(&self) -> usize {
        ROW_BYTES + self.message.len() + self.args.as_ref().map_or(0, String::len)
    }
}

/// Which log entries are meant: those for which everything that is given holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LogFilter {
    /// Whose.
    pub tenant: TenantId,
    /// That matter so much or more.
    pub level: Option<LogSeverity>,
    /// Of one step.
    pub step: Option<StepName>,
    /// Of one trace.
    pub trace_id: Option<TraceId>,
    /// Of one run.
    pub run: Option<String>,
    /// With this in the message or in what is logged with it. Among the newest million.
    pub search: Option<String>,
    /// Logged at this time or later.
    pub since: Option<Millis>,
    /// Logged before this time.
    pub until: Option<Millis>,
    /// With a smaller id only: the last one of the page before.
    pub before: Option<String>,
    /// So many at most.
    pub limit: usize,
}

impl LogFilter {
    pub(super) fn range(&self) -> Range<'_> {
        // What a run logs is not older than the run, unless the clock was set.
        let began = self.run.as_deref().and_then(time_of).map(|began| began - MINUTE);
        Range { since: self.since.max(began), until: self.until, before: self.before.as_deref() }
    }

    /// The index that leaves the fewest entries to look at; none is the one of ids.
    fn index(&self) -> Option<&'static str> {
        if self.run.is_some() {
            Some("log_run")
        } else if self.trace_id.is_some() {
            Some("log_trace")
        } else if self.level >= Some(LogSeverity::Warn) {
            Some("log_severe")
        } else {
            self.step.as_ref().map(|_| "log_step")
        }
    }

    /// The query for entries, newest first.
    pub(super) fn query(&self) -> (String, Vec<Value>) {
        let mut conditions = Conditions::of(&self.tenant);
        match self.level {
            None | Some(LogSeverity::Debug) => {}
            Some(LogSeverity::Info) => conditions.fixed("level <> 'debug'"),
            Some(LogSeverity::Warn) => conditions.fixed("level IN ('warn', 'error')"),
            Some(LogSeverity::Error) => {
                conditions.fixed("level IN ('warn', 'error') AND level = 'error'");
            }
        }
        if let Some(step) = &self.step {
            conditions.text("step =", step.as_str());
        }
        if let Some(trace_id) = &self.trace_id {
            conditions.text("trace_id =", trace_id.as_str());
        }
        if let Some(run) = &self.run {
            conditions.text("run =", run.as_str());
        }
        conditions.range(self.range());
        let select = conditions.select(COLUMNS, "log", self.index());
        (format!("{select} ORDER BY id DESC"), conditions.values)
    }

    /// What no index can say.
    pub(super) fn keeps(&self, row: &Row<'_>) -> StoreResult<bool> {
        let Some(part) = needle(self.search.as_ref()) else { return Ok(true) };
        for column in 0..2_usize {
            if contains(row.get_ref(column)?.as_str().unwrap_or_default(), part) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Stores an entry.
pub(super) fn insert(connection: &Connection, entry: &LogEntry) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO log (id, tenant, at, level, step, run, trace_id, message, args)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?
        .execute(rusqlite::params![
            entry.id,
            entry.tenant.as_str(),
            entry.at,
            entry.level.name(),
            entry.step.as_str(),
            entry.run,
            entry.trace_id.as_str(),
            entry.message,
            entry.args,
        ])?;
    Ok(())
}

/// A row of [`COLUMNS`].
pub(super) fn read(row: &Row<'_>) -> StoreResult<LogEntry> {
    Ok(LogEntry {
        message: row.get(0)?,
        args: row.get(1)?,
        id: row.get(2)?,
        tenant: TenantId::from(row.get::<_, String>(3)?),
        at: row.get(4)?,
        level: match row.get_ref(5)?.as_str().unwrap_or_default() {
            "debug" => LogSeverity::Debug,
            "warn" => LogSeverity::Warn,
            "error" => LogSeverity::Error,
            _ => LogSeverity::Info,
        },
        step: StepName::from(row.get::<_, String>(6)?),
        run: row.get(7)?,
        trace_id: TraceId::from(row.get::<_, String>(8)?),
    })
}
