//! Deliveries that will not be tried again by themselves, and how they are brought back.

use motia_manifest::{StepName, TenantId, TraceId};
use serde::{Deserialize, Serialize};

use crate::{AttemptError, EventKind, Json, Millis};

/// A delivery that will not be tried again by itself.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DeadLetter {
    /// The id that the delivery had.
    pub id: i64,
    /// Its event.
    pub event_id: i64,
    /// Whose it is.
    pub tenant: TenantId,
    /// Who should have got it.
    pub step: StepName,
    /// What it is about.
    pub kind: EventKind,
    /// The event's topic.
    pub topic: String,
    /// The event's data.
    pub data: Json,
    /// What the emitter said about the event.
    pub headers: Option<Json>,
    /// What the event belongs to.
    pub trace_id: TraceId,
    /// The event's message group.
    pub message_group_id: Option<String>,
    /// The lane, if those behind it wait until it is redriven or discarded.
    pub blocks: Option<String>,
    /// The error of every attempt, oldest first; the last one is the reason.
    pub errors: Vec<AttemptError>,
    /// When the event was emitted.
    pub emitted_at: Millis,
    /// When the delivery was given up.
    pub died_at: Millis,
}

/// Which dead letters are meant.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DeadLetterFilter {
    /// Those with these ids.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ids: Vec<i64>,
    /// Those with a larger id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<i64>,
    /// Those of one step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<StepName>,
    /// Those of one topic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
    /// Those whose last error has this code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Those that belong to one trace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<TraceId>,
    /// Those that died at this time or later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Millis>,
    /// Those that died before this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Millis>,
}

/// Dead letters that become deliveries again, some at a time.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Redrive {
    /// Unique in the store.
    pub id: i64,
    /// Whose they are.
    pub tenant: TenantId,
    /// Which ones; only those that were dead when it began.
    pub filter: DeadLetterFilter,
    /// How many a second.
    pub per_second: u32,
    /// How many so far.
    pub moved: u64,
    /// When it began.
    pub created_at: Millis,
}
