//! The `config` of a step or stream file: what it may contain, and what is said when it does not.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{RoutePattern, Schedule};

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
    #[serde(default, skip_serializing_if = "is_false")]
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

/// How an event step's queue orders its deliveries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum QueueType {
    /// In any order.
    #[default]
    Standard,
    /// In order within one message group.
    Fifo,
}

/// `infrastructure.queue` of an event step; what is none has the host's default.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct QueueConfig {
    /// The order of deliveries.
    #[serde(default)]
    pub r#type: QueueType,
    /// Attempts after the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_retries: Option<u32>,
    /// Seconds after which an attempt that has not ended counts as lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub visibility_timeout: Option<u32>,
    /// Seconds between emit and first attempt, 0 to 900.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delay_seconds: Option<u32>,
    /// Deliveries of this step at the same time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<u32>,
}

/// `infrastructure.handler` of an event step.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HandlerLimits {
    /// Megabytes of memory, 128 to 10,240.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ram: Option<u32>,
    /// Share of a CPU; accepted for compatibility, without effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu: Option<f64>,
    /// Seconds a call may take, 1 to 900.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<u32>,
}

/// `infrastructure` of an event step.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Infrastructure {
    /// Limits of one call.
    #[serde(default)]
    pub handler: HandlerLimits,
    /// How events wait for it.
    #[serde(default)]
    pub queue: QueueConfig,
}

/// What only an api step has.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApiConfig {
    /// The route; see [`RoutePattern`].
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

/// What only a cron step has.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CronConfig {
    /// The schedule: 5 fields, or 6 with leading seconds.
    pub cron: String,
    /// An IANA time zone; the host's own if none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
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
            Self::Noop => "noop",
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
    /// What differs by kind.
    #[serde(flatten)]
    pub kind: StepKind,
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

impl StepConfig {
    /// Reads a step's config as its file exported it.
    ///
    /// # Errors
    /// Everything that is wrong with it, not only the first.
    pub fn from_json(json: &Value) -> Result<Self, Vec<ConfigError>> {
        let mut read = Reader::new(json)?;
        let name = read.name();
        let kind_name = read.required_string("type", "one of api, event, cron, noop");
        let description = read.string("description");
        let flows = read.strings("flows");
        let virtual_emits = read.emits("virtualEmits");
        let virtual_subscribes = read.strings("virtualSubscribes");
        let include_files = read.strings("includeFiles");
        let emits = match kind_name.as_str() {
            "noop" => Vec::new(),
            _ => read.emits("emits"),
        };
        let kind = match kind_name.as_str() {
            "api" => StepKind::Api(read.api()),
            "event" => StepKind::Event(read.event()),
            "cron" => StepKind::Cron(read.cron()),
            "noop" => StepKind::Noop,
            "" => return Err(read.errors),
            other => {
                read.error(
                    "type",
                    format!("`{other}` is not a step type; expected api, event, cron or noop"),
                );
                return Err(read.errors);
            }
        };
        read.finish(kind.name())?;
        Ok(Self {
            name,
            description,
            flows,
            emits,
            virtual_emits,
            virtual_subscribes,
            include_files,
            kind,
        })
    }
}

impl StreamConfig {
    /// Reads a stream's config as its file exported it.
    ///
    /// # Errors
    /// Everything that is wrong with it, not only the first.
    pub fn from_json(json: &Value) -> Result<Self, Vec<ConfigError>> {
        let mut read = Reader::new(json)?;
        let name = read.name();
        let schema = read.schema("schema");
        if let Some(base) = read.take("baseConfig") {
            match base.get("storageType").and_then(Value::as_str) {
                Some("default") => {}
                Some("custom") => read.error(
                    "baseConfig.storageType",
                    "`custom` storage is not supported; use `default`".into(),
                ),
                _ => read.error("baseConfig.storageType", "expected `default`".into()),
            }
        }
        for hook in ["canAccess", "onJoin", "onLeave"] {
            read.take(hook);
        }
        read.finish("stream")?;
        Ok(Self { name, schema })
    }
}

/// Takes fields from a config one by one; what is left at the end is unknown.
struct Reader {
    fields: Map<String, Value>,
    errors: Vec<ConfigError>,
}

impl Reader {
    fn new(json: &Value) -> Result<Self, Vec<ConfigError>> {
        match json {
            Value::Object(fields) => Ok(Self { fields: fields.clone(), errors: Vec::new() }),
            other => Err(vec![ConfigError {
                field: String::new(),
                message: format!("expected an object, found {}", kind_of(other)),
            }]),
        }
    }

    fn error(&mut self, field: impl Into<String>, message: String) {
        self.errors.push(ConfigError { field: field.into(), message });
    }

    fn wrong(&mut self, field: &str, expected: &str, found: &Value) {
        self.error(field, format!("expected {expected}, found {}", kind_of(found)));
    }

    /// A field that is present; `null` counts as absent, as it does in the files people write.
    fn take(&mut self, field: &str) -> Option<Value> {
        self.fields.remove(field).filter(|value| !value.is_null())
    }

    fn name(&mut self) -> String {
        let name = self.required_string("name", "a name that is unique in the project");
        if name.len() > 200 {
            self.error("name", format!("has {} bytes; at most 200 are allowed", name.len()));
        }
        name
    }

    fn string(&mut self, field: &str) -> Option<String> {
        match self.take(field)? {
            Value::String(text) => Some(text),
            other => {
                self.wrong(field, "a string", &other);
                None
            }
        }
    }

    fn required_string(&mut self, field: &str, expected: &str) -> String {
        if !self.fields.contains_key(field) {
            self.error(field, format!("is missing; expected {expected}"));
        }
        let text = self.string(field);
        if text.as_deref() == Some("") {
            self.error(field, format!("is empty; expected {expected}"));
        }
        text.unwrap_or_default()
    }

    fn bool(&mut self, field: &str, default: bool) -> bool {
        match self.take(field) {
            None => default,
            Some(Value::Bool(value)) => value,
            Some(other) => {
                self.wrong(field, "true or false", &other);
                default
            }
        }
    }

    fn list(&mut self, field: &str) -> Vec<Value> {
        match self.take(field) {
            None => Vec::new(),
            Some(Value::Array(items)) => items,
            Some(other) => {
                self.wrong(field, "a list", &other);
                Vec::new()
            }
        }
    }

    fn strings(&mut self, field: &str) -> Vec<String> {
        let mut strings = Vec::new();
        for (i, item) in self.list(field).into_iter().enumerate() {
            match item {
                Value::String(text) => strings.push(text),
                other => self.wrong(&format!("{field}[{i}]"), "a string", &other),
            }
        }
        strings
    }

    fn emits(&mut self, field: &str) -> Vec<Emit> {
        let mut emits = Vec::new();
        for (i, item) in self.list(field).into_iter().enumerate() {
            let at = format!("{field}[{i}]");
            match item {
                Value::String(topic) => {
                    emits.push(Emit { topic, label: None, conditional: false });
                }
                Value::Object(_) => match strict::<Emit>(&item, &["topic", "label", "conditional"])
                {
                    Ok(emit) => emits.push(emit),
                    Err(message) => self.error(at, message),
                },
                other => self.wrong(&at, "a topic or an object with `topic`", &other),
            }
        }
        emits
    }

    fn schema(&mut self, field: &str) -> Option<Value> {
        let schema = self.take(field)?;
        if !is_schema(&schema) {
            self.wrong(field, "a JSON Schema or a schema object such as one of Zod", &schema);
            return None;
        }
        Some(schema)
    }

    fn api(&mut self) -> ApiConfig {
        let path = self.required_string("path", "a path such as `/messages/:id`");
        if !path.is_empty()
            && let Err(error) = RoutePattern::parse(&path)
        {
            self.error("path", error.to_string());
        }
        let method = self.required_string("method", &format!("one of {}", METHODS.join(", ")));
        if !method.is_empty() && !METHODS.contains(&method.as_str()) {
            self.error("method", format!("`{method}` is not one of {}", METHODS.join(", ")));
        }
        let body_schema = self.schema("bodySchema");
        let mut response_schema = BTreeMap::new();
        match self.take("responseSchema") {
            None => {}
            Some(Value::Object(by_status)) => {
                for (status, schema) in by_status {
                    if !is_schema(&schema) {
                        self.wrong(&format!("responseSchema.{status}"), "a schema", &schema);
                    }
                    response_schema.insert(status, schema);
                }
            }
            Some(other) => self.wrong("responseSchema", "an object from status to schema", &other),
        }
        let mut query_params = Vec::new();
        for (i, item) in self.list("queryParams").into_iter().enumerate() {
            match strict::<QueryParam>(&item, &["name", "description"]) {
                Ok(param) => query_params.push(param),
                Err(message) => self.error(format!("queryParams[{i}]"), message),
            }
        }
        self.take("middleware");
        let validate = self.bool("validate", true);
        ApiConfig { path, method, body_schema, response_schema, query_params, validate }
    }

    fn event(&mut self) -> EventConfig {
        if !self.fields.contains_key("subscribes") {
            self.error("subscribes", "is missing; expected a list of topics".into());
        }
        let subscribes = self.strings("subscribes");
        let input = self.schema("input");
        let infrastructure = match self.take("infrastructure") {
            None => Infrastructure::default(),
            Some(value) => match Infrastructure::deserialize(&value) {
                Ok(infrastructure) => {
                    self.check_infrastructure(&infrastructure);
                    infrastructure
                }
                Err(error) => {
                    self.error("infrastructure", error.to_string());
                    Infrastructure::default()
                }
            },
        };
        let validate = self.bool("validate", true);
        EventConfig { subscribes, input, validate, infrastructure }
    }

    fn check_infrastructure(&mut self, infrastructure: &Infrastructure) {
        let Infrastructure { handler, queue } = infrastructure;
        let mut range = |field: &str, value: Option<u32>, low: u32, high: u32| {
            if let Some(value) = value
                && !(low..=high).contains(&value)
            {
                let message = format!("{value} is not from {low} to {high}");
                self.error(format!("infrastructure.{field}"), message);
            }
        };
        range("handler.ram", handler.ram, 128, 10_240);
        range("handler.timeout", handler.timeout, 1, 900);
        range("queue.delaySeconds", queue.delay_seconds, 0, 900);
        range("queue.maxRetries", queue.max_retries, 0, 1_000);
        range("queue.concurrency", queue.concurrency, 1, 10_000);
        if let (Some(visibility), Some(timeout)) = (queue.visibility_timeout, handler.timeout)
            && visibility <= timeout
        {
            self.error(
                "infrastructure.queue.visibilityTimeout",
                format!("{visibility} s must be more than handler.timeout ({timeout} s)"),
            );
        }
    }

    fn cron(&mut self) -> CronConfig {
        let cron = self.required_string("cron", "a schedule such as `*/5 * * * *`");
        let timezone = self.string("timezone");
        if !cron.is_empty()
            && let Err(error) = Schedule::parse(&cron, timezone.as_deref())
        {
            self.error(error.field(), error.to_string());
        }
        CronConfig { cron, timezone }
    }

    fn finish(mut self, kind: &str) -> Result<(), Vec<ConfigError>> {
        let unknown: Vec<String> = self.fields.keys().cloned().collect();
        for field in unknown {
            let message = match (kind, field.as_str()) {
                ("event" | "cron", "middleware") => "only api steps have middleware".to_owned(),
                ("noop", "emits") => "a noop step has `virtualEmits` instead".to_owned(),
                _ => format!(
                    "is not a field of {} {kind} config",
                    if kind.starts_with(['a', 'e']) { "an" } else { "a" }
                ),
            };
            self.error(field, message);
        }
        if self.errors.is_empty() { Ok(()) } else { Err(self.errors) }
    }
}

/// Deserialises an object that may hold only `known` fields.
fn strict<T: for<'de> Deserialize<'de>>(value: &Value, known: &[&str]) -> Result<T, String> {
    if let Some(unknown) = value
        .as_object()
        .and_then(|fields| fields.keys().find(|key| !known.contains(&key.as_str())))
    {
        return Err(format!("`{unknown}` is not known here; expected {}", known.join(", ")));
    }
    T::deserialize(value).map_err(|error| error.to_string())
}

/// Whether a value can be a JSON Schema: an object, `true` or `false`.
fn is_schema(value: &Value) -> bool {
    value.is_object() || value.is_boolean()
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

fn yes() -> bool {
    true
}

fn is_false(value: &bool) -> bool {
    !value
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_shortest_event_step_is_complete() {
        let config = StepConfig::from_json(
            &json!({"name": "ProcessMessage", "type": "event", "subscribes": ["message.sent"]}),
        )
        .unwrap();
        assert!(config.emits.is_empty());
        let again: StepConfig =
            serde_json::from_value(serde_json::to_value(&config).unwrap()).unwrap();
        assert_eq!(again, config);
    }

    #[test]
    fn every_error_of_a_config_is_reported_at_once() {
        let errors = StepConfig::from_json(&json!({
            "type": "api", "path": "x", "method": "get", "emits": [1], "colour": "red",
        }))
        .unwrap_err();
        let fields: Vec<&str> = errors.iter().map(|error| error.field.as_str()).collect();
        assert_eq!(fields, ["name", "emits[0]", "path", "method", "colour"]);
        assert_eq!(errors[4].to_string(), "config.colour: is not a field of an api config");
    }

    #[test]
    fn a_visibility_timeout_must_exceed_the_handlers_timeout() {
        let errors = StepConfig::from_json(&json!({
            "name": "a", "type": "event", "subscribes": [],
            "infrastructure": {"handler": {"timeout": 60}, "queue": {"visibilityTimeout": 30}},
        }))
        .unwrap_err();
        assert_eq!(errors[0].field, "infrastructure.queue.visibilityTimeout");
    }
}
