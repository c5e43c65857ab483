//! Invocations that have ended.

use std::collections::BTreeSet;

use motia_manifest::{StepName, TenantId, TraceId};
use rusqlite::{Connection, OptionalExtension, Row, types::Value};
use serde::{Deserialize, Serialize};

use super::{
    Span,
    query::{Conditions, Range, contains, needle},
    schema::FileError,
};
use crate::{AttemptError, Json, Millis, StoreError, StoreResult};

/// What a run takes besides its texts, nearly.
const ROW_BYTES: usize = 512;
/// Of more steps than this, runs are looked for without the index of steps: SQLite merges no more than 500.
const STEPS: usize = 200;

/// Those that a search looks at come first.
pub(crate) const COLUMNS: &str =
    "id, step, trace_id, error, started_at, ended_at, tenant, kind, invocation_id, parent, delivery, event_id, attempt,
    status, deployment, response_status, queued_at, cpu_us, replay_of, span_count";

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunStatus {
    /// The handler returned.
    Succeeded,
    /// The handler failed or hit a limit.
    Failed,
    /// Somebody ended it.
    Cancelled,
}

impl RunStatus {
    /// The word in the database and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// One invocation that has ended.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Run {
    /// Unique, and in the order of time; from [`Telemetry::new_id`](super::Telemetry::new_id) with `started_at`.
    pub id: String,
    /// Whose it is.
    pub tenant: TenantId,
    /// The step.
    pub step: StepName,
    /// Why it was run: `api`, `event`, `batch`, `cron`, `state` or `stream`; or for clients of streams `authenticate`,
    /// `canAccess`, `onJoin` or `onLeave`.
    pub kind: String,
    /// The same for every attempt of one delivery.
    pub invocation_id: String,
    /// What it belongs to.
    pub trace_id: TraceId,
    /// The run, or the span of another program, that has caused it.
    pub parent: Option<String>,
    /// The delivery that was attempted, of a batch the first.
    pub delivery: Option<i64>,
    /// The event that was delivered, of a batch the first.
    pub event_id: Option<i64>,
    /// 1 for the first attempt.
    pub attempt: u32,
    /// How it ended.
    pub status: RunStatus,
    /// Why it failed.
    pub error: Option<AttemptError>,
    /// The digest of the deployment.
    pub deployment: String,
    /// What it was called with; none in lists, and if it was too large to keep.
    #[serde(skip)]
    pub input: Option<Json>,
    /// What an api step has answered; none in lists, and if it was too large to keep.
    #[serde(skip)]
    pub output: Option<Json>,
    /// The status of an api step's response.
    pub response_status: Option<u16>,
    /// When it could have begun.
    pub queued_at: Millis,
    /// When it began.
    pub started_at: Millis,
    /// When it ended.
    pub ended_at: Millis,
    /// For how long its own code has run, in microseconds.
    pub cpu_us: Option<u64>,
    /// The run that it repeats.
    pub replay_of: Option<String>,
    /// What its time was spent on, when it is recorded; nothing in what is read.
    #[serde(skip)]
    pub spans: Vec<Span>,
    /// How many spans it has; counted when it is recorded.
    #[serde(rename = "spans")]
    pub span_count: usize,
}

impl Run {
    /// The bytes that it takes, nearly.
    pub(super) fn weight(&self) -> usize {
        let values = [&self.input, &self.output];
        let values = values.into_iter().flatten().map(String::len).sum::<usize>();
        let error = self
            .error
            .as_ref()
            .map_or(0, |error| error.message.len() + error.stack.as_ref().map_or(0, String::len));
        ROW_BYTES + values + error + self.spans.iter().map(Span::weight).sum::<usize>()
    }

    /// A copy as in lists, without what may be large.
    pub(super) fn listed(&mut self) -> Self {
        let large = (self.input.take(), self.output.take(), std::mem::take(&mut self.spans));
        let listed = self.clone();
        (self.input, self.output, self.spans) = large;
        listed
    }
}

/// Which runs are meant: those for which everything that is given holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RunFilter {
    /// Whose.
    pub tenant: TenantId,
    /// Of any of these steps.
    pub steps: Option<Vec<StepName>>,
    /// That were run because of this, as [`Run::kind`] says it.
    pub kind: Option<String>,
    /// That ended so.
    pub status: Option<RunStatus>,
    /// Of one trace.
    pub trace_id: Option<TraceId>,
    /// With this in the step's name, the trace's id, the run's id or the error's message. Among the newest million.
    pub search: Option<String>,
    /// Only first attempts that nothing in this host has caused.
    pub roots: bool,
    /// That took so many milliseconds or longer. Among the newest million.
    pub min_ms: Option<u64>,
    /// That began at this time or later.
    pub since: Option<Millis>,
    /// That began before this time.
    pub until: Option<Millis>,
    /// With a smaller id only: the last one of the page before.
    pub before: Option<String>,
    /// So many at most.
    pub limit: usize,
}

impl RunFilter {
    pub(super) fn range(&self) -> Range<'_> {
        Range { since: self.since, until: self.until, before: self.before.as_deref() }
    }

    /// The index that leaves the fewest runs to look at; none is the one of ids.
    fn index(&self) -> Option<&'static str> {
        if self.trace_id.is_some() {
            Some("run_trace")
        } else if self.status.is_some_and(|status| status != RunStatus::Succeeded) {
            Some("run_unsuccessful")
        } else if self.steps.as_ref().is_some_and(|steps| steps.len() <= STEPS) {
            Some("run_step")
        } else if self.roots {
            Some("run_root")
        } else {
            self.kind.as_ref().map(|_| "run_kind")
        }
    }

    /// The query for runs, newest first; none if there can be none.
    pub(super) fn query(&self) -> Option<(String, Vec<Value>)> {
        let index = self.index();
        let Some(steps) = &self.steps else {
            let conditions = self.conditions();
            let select = conditions.select(COLUMNS, "run", index);
            return Some((format!("{select} ORDER BY id DESC"), conditions.values));
        };
        let steps: BTreeSet<&str> = steps.iter().map(StepName::as_str).collect();
        if steps.is_empty() {
            return None;
        }
        if index != Some("run_step") {
            let mut conditions = self.conditions();
            // The plus keeps SQLite from an index that would make it sort.
            conditions.one_of("+step", steps.into_iter());
            let select = conditions.select(COLUMNS, "run", index);
            return Some((format!("{select} ORDER BY id DESC"), conditions.values));
        }
        // The runs of each step are in order, and SQLite merges them; `IN` would sort all of them.
        let (mut selects, mut values) = (Vec::new(), Vec::new());
        for step in steps {
            let mut conditions = self.conditions();
            conditions.text("step =", step);
            selects.push(conditions.select(COLUMNS, "run", index));
            values.append(&mut conditions.values);
        }
        Some((format!("{} ORDER BY id DESC", selects.join(" UNION ALL ")), values))
    }

    fn conditions(&self) -> Conditions {
        let mut conditions = Conditions::of(&self.tenant);
        if let Some(kind) = &self.kind {
            conditions.text("kind =", kind.as_str());
        }
        if let Some(status) = self.status {
            if status != RunStatus::Succeeded {
                conditions.fixed("status <> 'succeeded'");
            }
            conditions.text("status =", status.name());
        }
        if let Some(trace_id) = &self.trace_id {
            conditions.text("trace_id =", trace_id.as_str());
        }
        if self.roots {
            conditions.fixed("parent IS NULL AND attempt = 1");
        }
        conditions.range(self.range());
        conditions
    }

    /// What no index can say.
    pub(super) fn keeps(&self, row: &Row<'_>) -> StoreResult<bool> {
        if let Some(min_ms) = self.min_ms {
            let took = row.get::<_, Millis>(5)? - row.get::<_, Millis>(4)?;
            if u64::try_from(took).unwrap_or(0) < min_ms {
                return Ok(false);
            }
        }
        let Some(part) = needle(self.search.as_ref()) else { return Ok(true) };
        for column in 0..3_usize {
            if contains(row.get_ref(column)?.as_str().unwrap_or_default(), part) {
                return Ok(true);
            }
        }
        Ok(error(row)?.is_some_and(|error| contains(&error.message, part)))
    }
}

/// Stores a run without its spans.
pub(super) fn insert(connection: &Connection, run: &Run) -> Result<(), FileError> {
    let error = run.error.as_ref().map(serde_json::to_string).transpose();
    let error = error.map_err(|error| StoreError::Failed(error.to_string()))?;
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO run (id, tenant, step, kind, invocation_id, trace_id, parent, delivery, event_id,
                                         attempt, status, deployment, response_status, queued_at, started_at,
                                         ended_at, cpu_us, replay_of, span_count, error)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20)",
        )?
        .execute(rusqlite::params![
            run.id,
            run.tenant.as_str(),
            run.step.as_str(),
            run.kind,
            run.invocation_id,
            run.trace_id.as_str(),
            run.parent,
            run.delivery,
            run.event_id,
            run.attempt,
            run.status.name(),
            run.deployment,
            run.response_status,
            run.queued_at,
            run.started_at,
            run.ended_at,
            run.cpu_us.map(|us| us as i64),
            run.replay_of,
            run.span_count as i64,
            error,
        ])?;
    if run.input.is_some() || run.output.is_some() {
        connection
            .prepare_cached(
                "INSERT OR REPLACE INTO run_value (tenant, run, input, output) VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute((run.tenant.as_str(), &run.id, &run.input, &run.output))?;
    }
    Ok(())
}

/// A run with its input and output.
pub(super) fn get(
    connection: &Connection,
    tenant: &TenantId,
    id: &str,
) -> StoreResult<Option<Run>> {
    let select = format!("SELECT {COLUMNS} FROM run WHERE tenant = ?1 AND id = ?2");
    let mut select = connection.prepare_cached(&select)?;
    let found = select.query_row((tenant.as_str(), id), |row| Ok(read(row))).optional()?;
    let Some(run) = found.transpose()? else { return Ok(None) };
    let values: Option<(Option<Json>, Option<Json>)> = connection
        .prepare_cached("SELECT input, output FROM run_value WHERE tenant = ?1 AND run = ?2")?
        .query_row((tenant.as_str(), id), |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let (input, output) = values.unwrap_or_default();
    Ok(Some(Run { input, output, ..run }))
}

/// The runs of a trace, oldest first.
pub(super) fn of_trace(tenant: &TenantId, trace_id: &TraceId) -> (String, Vec<Value>) {
    let mut conditions = Conditions::of(tenant);
    conditions.text("trace_id =", trace_id.as_str());
    let select = conditions.select(COLUMNS, "run", Some("run_trace"));
    (format!("{select} ORDER BY id"), conditions.values)
}

/// The ids of a trace's runs that have spans, oldest first, from one on.
pub(super) fn ids_of_trace(
    connection: &Connection,
    tenant: &TenantId,
    trace_id: &TraceId,
    from: &str,
    limit: usize,
) -> StoreResult<Vec<String>> {
    let mut select = connection.prepare_cached(
        "SELECT id FROM run INDEXED BY run_trace
         WHERE tenant = ?1 AND trace_id = ?2 AND id >= ?3 AND span_count > 0 ORDER BY id LIMIT ?4",
    )?;
    // Each has a span at least, so that more of them are not needed.
    let values = (tenant.as_str(), trace_id.as_str(), from, limit as i64);
    let rows = select.query_map(values, |row| row.get(0))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn error(row: &Row<'_>) -> StoreResult<Option<AttemptError>> {
    let text = row.get_ref(3)?.as_str_or_null().map_err(rusqlite::Error::from)?;
    let error = text.map(serde_json::from_str).transpose();
    error.map_err(|error| StoreError::Failed(error.to_string()))
}

/// A row of [`COLUMNS`].
pub(super) fn read(row: &Row<'_>) -> StoreResult<Run> {
    Ok(Run {
        id: row.get(0)?,
        step: StepName::from(row.get::<_, String>(1)?),
        trace_id: TraceId::from(row.get::<_, String>(2)?),
        error: error(row)?,
        started_at: row.get(4)?,
        ended_at: row.get(5)?,
        tenant: TenantId::from(row.get::<_, String>(6)?),
        kind: row.get(7)?,
        invocation_id: row.get(8)?,
        parent: row.get(9)?,
        delivery: row.get(10)?,
        event_id: row.get(11)?,
        attempt: row.get(12)?,
        status: match row.get_ref(13)?.as_str().unwrap_or_default() {
            "succeeded" => RunStatus::Succeeded,
            "cancelled" => RunStatus::Cancelled,
            _ => RunStatus::Failed,
        },
        deployment: row.get(14)?,
        response_status: row.get(15)?,
        queued_at: row.get(16)?,
        cpu_us: row.get::<_, Option<i64>>(17)?.and_then(|us| u64::try_from(us).ok()),
        replay_of: row.get(18)?,
        input: None,
        output: None,
        spans: Vec::new(),
        span_count: usize::try_from(row.get::<_, i64>(19)?).unwrap_or_default(),
    })
}
