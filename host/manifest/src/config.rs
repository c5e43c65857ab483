//! The `config` of a step or stream file: what it may contain.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Infrastructure;

/// The methods an api step can have.
pub const METHODS: [&str; 7] = ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD"];

/// A topic that a step emits or is drawn to emit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Emit {
    /// The topic.
    pub topic: String,
    /// A word for the edge in the flow graph.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Whether the edge is drawn as conditional.
    #[serde(default, skip_serializing_if = "is_default")]
    pub conditional: bool,
}

/// Documentation of one query parameter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueryParam {
    /// The parameter's name.
    pub name: String,
    /// What it does.
    #[serde(default)]
    pub description: String,
}

/// What only an api step has.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApiConfig {
    /// The route; see [`crate::RoutePattern`].
    pub path: String,
    /// One of [`METHODS`].
    pub method: String,
    /// The JSON Schema of the body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body_schema: Option<Value>,
    /// The JSON Schema of the response's body, by status.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub response_schema: BTreeMap<String, Value>,
    /// Documentation of the query parameters.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub query_params: Vec<QueryParam>,
    /// Whether bodies are checked against `body_schema`.
    #[serde(default = "yes")]
    pub validate: bool,
}

/// What only an event step has.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EventConfig {
    /// The topics, matched exactly.
    pub subscribes: Vec<String>,
    /// The JSON Schema of an event's data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<Value>,
    /// Whether events are checked against `input`.
    #[serde(default = "yes")]
    pub validate: bool,
    /// Queue and limits.
    #[serde(default)]
    pub infrastructure: Infrastructure,
}

/// How a cron step's tick treats what earlier ticks of the step have left to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Overlap {
    /// Runs beside it.
    #[default]
    Allow,
    /// Is skipped.
    Skip,
    /// Waits for it.
    Queue,
    /// Ends it and takes its place.
    Cancel,
}

/// Which of the ticks that were missed while no server ran are made up for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Catchup {
    /// None.
    #[default]
    None,
    /// The last one.
    Last,
    /// All of them.
    All,
}

/// What only a cron step has.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CronConfig {
    /// The schedule: 5 fields, or 6 with leading seconds.
    pub cron: String,
    /// An IANA time zone; the host's own if none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
    /// What a tick does while earlier ones are not done.
    #[serde(default, skip_serializing_if = "is_default")]
    pub overlap: Overlap,
    /// What happens to missed ticks.
    #[serde(default, skip_serializing_if = "is_default")]
    pub catchup: Catchup,
    /// How long ago a missed tick may be that is made up for, 1 s to a year.
    #[serde(default = "a_day")]
    pub catchup_window_seconds: f64,
    /// A tick runs up to so much later, by chance; 0 to an hour.
    #[serde(default, skip_serializing_if = "is_default")]
    pub jitter_seconds: f64,
}

/// What only a state step has: which values it watches. In the patterns, `*` stands for any run of
/// characters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StateConfig {
    /// The pattern of the groups; any if none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group_id: Option<String>,
    /// The pattern of the keys; any if none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Queue and limits.
    #[serde(default)]
    pub infrastructure: Infrastructure,
}

/// What only a stream step has: which items it watches. In the patterns, `*` stands for any run of
/// characters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StreamTriggerConfig {
    /// The stream.
    pub stream_name: String,
    /// The pattern of the groups; any if none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group_id: Option<String>,
    /// The pattern of the items' ids; any if none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item_id: Option<String>,
    /// Queue and limits.
    #[serde(default)]
    pub infrastructure: Infrastructure,
}

/// What differs by the kind of step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum StepKind {
    /// Answers HTTP requests.
    Api(ApiConfig),
    /// Consumes events.
    Event(EventConfig),
    /// Runs on a schedule.
    Cron(CronConfig),
    /// Runs when a state value changes.
    State(StateConfig),
    /// Runs when a stream item changes.
    Stream(StreamTriggerConfig),
    /// Is only drawn.
    Noop,
}

impl StepKind {
    /// The word in `type`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Api(_) => "api",
            Self::Event(_) => "event",
            Self::Cron(_) => "cron",
            Self::State(_) => "state",
            Self::Stream(_) => "stream",
            Self::Noop => "noop",
        }
    }

    /// The queue and the limits of a kind that has them.
    pub fn infrastructure(&self) -> Option<&Infrastructure> {
        match self {
            Self::Event(event) => Some(&event.infrastructure),
            Self::State(state) => Some(&state.infrastructure),
            Self::Stream(stream) => Some(&stream.infrastructure),
            Self::Api(_) | Self::Cron(_) | Self::Noop => None,
        }
    }
}

/// The `config` of a step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StepConfig {
    /// Unique in the project.
    pub name: String,
    /// What the step does, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The flows in whose graph the step is drawn.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub flows: Vec<String>,
    /// The topics that the step may emit to; none listed means any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub emits: Vec<Emit>,
    /// Edges that are drawn but carry nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub virtual_emits: Vec<Emit>,
    /// Edges that are drawn but carry nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub virtual_subscribes: Vec<String>,
    /// Globs of files that the step can read, relative to its own file.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub include_files: Vec<String>,
    /// Whether what the handler writes and emits takes effect together, when it succeeds.
    #[serde(default, skip_serializing_if = "is_default")]
    pub atomic: bool,
    /// What differs by kind.
    #[serde(flatten)]
    pub kind: StepKind,
}

/// A function of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum StreamHook {
    /// Says whether a client may follow.
    CanAccess,
    /// Is told of a client that joins, and may refuse it.
    OnJoin,
    /// Is told of a client that has left.
    OnLeave,
}

impl StreamHook {
    /// All of them, by their names in configs.
    pub const NAMED: [(&'static str, Self); 3] =
        [("canAccess", Self::CanAccess), ("onJoin", Self::OnJoin), ("onLeave", Self::OnLeave)];
}

/// Which roles a client must have one of.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StreamRoles {
    /// To follow the stream; none if anybody may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read: Option<Vec<String>>,
    /// To send to those who follow it; none if no client may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub write: Option<Vec<String>>,
}

/// The `config` of a stream file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StreamConfig {
    /// Unique in the project.
    pub name: String,
    /// The JSON Schema of an item.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<Value>,
    /// The functions that it has, which the stream's component runs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hooks: Vec<StreamHook>,
    /// What clients may do by their roles.
    #[serde(default, skip_serializing_if = "is_default")]
    pub roles: StreamRoles,
}

/// What a project's own config, such as `motia.config.ts`, has for this host.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ProjectConfig {
    /// Whether it authenticates clients of streams.
    pub authenticates: bool,
    /// The JSON Schema of what is known of such a client.
    pub context_schema: Option<Value>,
    /// The fields that are of no use here.
    pub ignored: Vec<String>,
    /// The modules that it imports but that do not exist here.
    pub missing_modules: Vec<String>,
}

/// One thing that is wrong in a config.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// Where, as a path of field names; empty for the whole config.
    pub field: String,
    /// What is wrong and what was expected.
    pub message: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.field.is_empty() {
            write!(f, "config: {}", self.message)
        } else {
            write!(f, "config.{}: {}", self.field, self.message)
        }
    }
}

/// Whether a value says no more than its absence.
pub(crate) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

fn yes() -> bool {
    true
}

pub(crate) fn a_day() -> f64 {
    86_400.0
}
