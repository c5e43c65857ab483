//! Reads the `config` of a step or stream file as the file exported it.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{
    ApiConfig, Catchup, ConfigError, CronConfig, Emit, EventConfig, METHODS, Overlap,
    ProjectConfig, QueryParam, RoutePattern, Schedule, StateConfig, StepConfig, StepKind,
    StreamConfig, StreamHook, StreamRoles, StreamTriggerConfig,
    config::a_day,
    queue_reader::{Content, infrastructure},
    reader::{Reader, is_schema},
};

impl StepConfig {
    /// Reads a step's config as its file exported it.
    ///
    /// # Errors
    /// Everything that is wrong with it, not only the first.
    pub fn from_json(json: &Value) -> Result<Self, Vec<ConfigError>> {
        let mut read = Reader::new(json)?;
        let name = name(&mut read);
        let kind_name =
            read.required_string("type", "one of api, event, cron, state, stream, noop");
        let description = read.string("description");
        let flows = read.strings("flows");
        let virtual_emits = emits(&mut read, "virtualEmits");
        let virtual_subscribes = read.strings("virtualSubscribes");
        let include_files = read.strings("includeFiles");
        let (emits, atomic) = match kind_name.as_str() {
            "noop" => (Vec::new(), false),
            _ => (emits(&mut read, "emits"), read.bool("atomic", false)),
        };
        let kind = match kind_name.as_str() {
            "api" => StepKind::Api(api(&mut read)),
            "event" => StepKind::Event(event(&mut read)),
            "cron" => StepKind::Cron(cron(&mut read)),
            "state" => StepKind::State(state(&mut read)),
            "stream" => StepKind::Stream(stream(&mut read)),
            "noop" => StepKind::Noop,
            other => {
                if !other.is_empty() {
                    let expected = "expected api, event, cron, state, stream or noop";
                    read.error("type", format!("`{other}` is not a step type; {expected}"));
                }
                return Err(read.into_errors());
            }
        };
        read.finish(|field| unknown(&kind, field))?;
        Ok(Self {
            name,
            description,
            flows,
            emits,
            virtual_emits,
            virtual_subscribes,
            include_files,
            atomic,
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
        let name = name(&mut read);
        let schema = read.schema("schema");
        if let Some(base) = read.take("baseConfig") {
            match base.get("storageType").and_then(Value::as_str) {
                Some("default") => {}
                Some("custom") => read.error(
                    "baseConfig.storageType",
                    "`custom` storage is not supported; use `default`",
                ),
                _ => read.error("baseConfig.storageType", "expected `default`"),
            }
        }
        let hooks = hooks(&mut read);
        let roles = read.object("roles", |read| StreamRoles {
            read: roles(read, "read"),
            write: roles(read, "write"),
        });
        read.finish(|_| "is not a field of a stream config".to_owned())?;
        Ok(Self { name, schema, hooks, roles: roles.unwrap_or_default() })
    }
}

impl ProjectConfig {
    /// Reads what the toolchain has found out of a project's own config.
    ///
    /// # Errors
    /// Everything that is wrong with it, not only the first.
    pub fn from_json(json: &Value) -> Result<Self, Vec<ConfigError>> {
        let mut read = Reader::new(json)?;
        let authenticates = read.bool("authenticates", false);
        let context_schema = read.schema("contextSchema");
        let ignored = read.strings("ignored");
        let missing_modules = read.strings("missingModules");
        read.finish(|_| "is not known here".to_owned())?;
        Ok(Self { authenticates, context_schema, ignored, missing_modules })
    }
}

/// The functions of a stream: in the JSON of its config, `true` stands for each.
fn hooks(read: &mut Reader) -> Vec<StreamHook> {
    let mut hooks = Vec::new();
    for (name, hook) in StreamHook::NAMED {
        match read.take(name) {
            None => {}
            Some(Value::Bool(true)) => hooks.push(hook),
            Some(other) => read.wrong(name, "a function", &other),
        }
    }
    hooks
}

/// A list of roles, which may be empty: then nobody has one of them.
fn roles(read: &mut Reader, field: &'static str) -> Option<Vec<String>> {
    let given = read.get(field).is_some();
    let roles = read.strings(field);
    given.then_some(roles)
}

/// What is said of a field that a step of this kind does not have.
fn unknown(kind: &StepKind, field: &str) -> String {
    let config = match (field, kind) {
        ("middleware", _) => return "only api steps have middleware".to_owned(),
        ("condition", _) => return "only state and stream steps have a condition".to_owned(),
        ("emits", StepKind::Noop) => return "a noop step has `virtualEmits` instead".to_owned(),
        (_, StepKind::Api(_)) => "an api config",
        (_, StepKind::Event(_)) => "an event config",
        (_, StepKind::Cron(_)) => "a cron config",
        (_, StepKind::State(_)) => "a state config",
        (_, StepKind::Stream(_)) => "the config of a stream step",
        (_, StepKind::Noop) => "a noop config",
    };
    format!("is not a field of {config}")
}

fn name(read: &mut Reader) -> String {
    let name = read.required_string("name", "a name that is unique in the project");
    if name.len() > 200 {
        read.error("name", format!("has {} bytes; at most 200 are allowed", name.len()));
    }
    name
}

fn emits(read: &mut Reader, field: &'static str) -> Vec<Emit> {
    let mut emits = Vec::new();
    for (i, item) in read.list(field).into_iter().enumerate() {
        let at = format!("{field}[{i}]");
        match item {
            Value::String(topic) => emits.push(Emit { topic, label: None, conditional: false }),
            Value::Object(fields) => emits.push(read.within(&at, fields, |read| Emit {
                topic: read.required_string("topic", "a topic"),
                label: read.string("label"),
                conditional: read.bool("conditional", false),
            })),
            other => read.wrong(&at, "a topic or an object with `topic`", &other),
        }
    }
    emits
}

fn api(read: &mut Reader) -> ApiConfig {
    let path = read.required_string("path", "a path such as `/messages/:id`");
    if !path.is_empty()
        && let Err(error) = RoutePattern::parse(&path)
    {
        read.error("path", error.to_string());
    }
    let method = read.required_string("method", &format!("one of {}", METHODS.join(", ")));
    if !method.is_empty() && !METHODS.contains(&method.as_str()) {
        read.error("method", format!("`{method}` is not one of {}", METHODS.join(", ")));
    }
    let body_schema = read.schema("bodySchema");
    let response_schema = response_schema(read);
    let query_params = query_params(read);
    read.take("middleware");
    let validate = read.bool("validate", true);
    ApiConfig { path, method, body_schema, response_schema, query_params, validate }
}

fn response_schema(read: &mut Reader) -> BTreeMap<String, Value> {
    let mut schemas = BTreeMap::new();
    match read.take("responseSchema") {
        None => {}
        Some(Value::Object(by_status)) => {
            for (status, schema) in by_status {
                if !is_schema(&schema) {
                    read.wrong(&format!("responseSchema.{status}"), "a schema", &schema);
                }
                schemas.insert(status, schema);
            }
        }
        Some(other) => read.wrong("responseSchema", "an object from status to schema", &other),
    }
    schemas
}

fn query_params(read: &mut Reader) -> Vec<QueryParam> {
    let mut params = Vec::new();
    for (i, item) in read.list("queryParams").into_iter().enumerate() {
        let at = format!("queryParams[{i}]");
        match item {
            Value::Object(fields) => params.push(read.within(&at, fields, |read| QueryParam {
                name: read.required_string("name", "the parameter's name"),
                description: read.string("description").unwrap_or_default(),
            })),
            other => read.wrong(&at, "an object with `name`", &other),
        }
    }
    params
}

fn event(read: &mut Reader) -> EventConfig {
    read.require("subscribes", "a list of topics");
    EventConfig {
        subscribes: read.strings("subscribes"),
        input: read.schema("input"),
        infrastructure: infrastructure(read, Content::Events),
        validate: read.bool("validate", true),
    }
}

fn cron(read: &mut Reader) -> CronConfig {
    let overlaps = [
        ("allow", Overlap::Allow),
        ("skip", Overlap::Skip),
        ("queue", Overlap::Queue),
        ("cancel", Overlap::Cancel),
    ];
    let catchups = [("none", Catchup::None), ("last", Catchup::Last), ("all", Catchup::All)];
    let cron = read.required_string("cron", "a schedule such as `*/5 * * * *`");
    let timezone = read.string("timezone");
    if !cron.is_empty()
        && let Err(error) = Schedule::parse(&cron, timezone.as_deref())
    {
        read.error(error.field(), error.to_string());
    }
    let window = read.number("catchupWindowSeconds", 1.0..=31_536_000.0);
    CronConfig {
        cron,
        timezone,
        overlap: read.choice("overlap", &overlaps).unwrap_or_default(),
        catchup: read.choice("catchup", &catchups).unwrap_or_default(),
        catchup_window_seconds: window.unwrap_or(a_day()),
        jitter_seconds: read.number("jitterSeconds", 0.0..=3600.0).unwrap_or_default(),
    }
}

fn state(read: &mut Reader) -> StateConfig {
    // A function that stays with the step.
    read.take("condition");
    StateConfig {
        group_id: read.string("groupId"),
        key: read.string("key"),
        infrastructure: infrastructure(read, Content::Changes),
    }
}

fn stream(read: &mut Reader) -> StreamTriggerConfig {
    // A function that stays with the step.
    read.take("condition");
    StreamTriggerConfig {
        stream_name: read.required_string("streamName", "the name of a stream"),
        group_id: read.string("groupId"),
        item_id: read.string("itemId"),
        infrastructure: infrastructure(read, Content::Changes),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(config: Value) -> StepConfig {
        StepConfig::from_json(&config).unwrap()
    }

    /// What is wrong with a config.
    fn faults(config: Value) -> Vec<String> {
        let errors = StepConfig::from_json(&config).err().unwrap_or_default();
        errors.iter().map(ConfigError::to_string).collect()
    }

    #[test]
    fn the_shortest_step_of_every_kind_is_complete() {
        for config in [
            json!({ "name": "a", "type": "api", "method": "GET", "path": "/a" }),
            json!({ "name": "a", "type": "event", "subscribes": ["message.sent"] }),
            json!({ "name": "a", "type": "cron", "cron": "* * * * *" }),
            json!({ "name": "a", "type": "state" }),
            json!({ "name": "a", "type": "stream", "streamName": "todos" }),
            json!({ "name": "a", "type": "noop" }),
        ] {
            let kind = config["type"].clone();
            let config = read(config);
            assert_eq!(kind, config.kind.name());
            assert!(config.emits.is_empty() && !config.atomic);
            let again: StepConfig =
                serde_json::from_value(serde_json::to_value(&config).unwrap()).unwrap();
            assert_eq!(again, config);
        }
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
    fn what_is_null_is_missing() {
        assert_eq!(
            faults(json!({ "name": null, "type": "event", "subscribes": null })),
            [
                "config.name: is missing; expected a name that is unique in the project",
                "config.subscribes: is missing; expected a list of topics",
            ]
        );
        let faults = faults(json!({ "name": "a", "type": null }));
        assert!(faults[0].starts_with("config.type: is missing; "), "{faults:?}");
    }

    #[test]
    fn a_topic_with_its_label_names_what_is_wrong_in_it() {
        let emits = json!([{ "topic": "a", "label": "x", "conditional": true }, "b"]);
        let config = read(json!({ "name": "a", "type": "state", "emits": emits }));
        assert_eq!(config.emits[0].label.as_deref(), Some("x"));
        assert_eq!(config.emits[1].topic, "b");
        let emits = json!([{ "label": "x", "colour": "red" }]);
        assert_eq!(
            faults(json!({ "name": "a", "type": "state", "emits": emits })),
            [
                "config.emits[0].topic: is missing; expected a topic",
                "config.emits[0].colour: is not known here; expected topic, label, conditional",
            ]
        );
    }

    #[test]
    fn functions_stay_with_the_steps_that_have_them() {
        let state = json!({ "name": "a", "type": "state", "key": "order:*", "condition": {} });
        let StepKind::State(state) = read(state).kind else { panic!("not a state step") };
        assert_eq!((state.group_id, state.key.as_deref()), (None, Some("order:*")));
        let cron = json!({ "name": "a", "type": "cron", "cron": "* * * * *" });
        for (field, expected) in [
            ("condition", "config.condition: only state and stream steps have a condition"),
            ("middleware", "config.middleware: only api steps have middleware"),
        ] {
            let mut cron = cron.clone();
            cron[field] = json!([]);
            assert_eq!(faults(cron), [expected]);
        }
    }

    #[test]
    fn a_stream_has_hooks_and_roles() {
        let config = json!({
            "name": "todos", "baseConfig": { "storageType": "default" }, "canAccess": true, "onJoin": null,
            "onLeave": true, "roles": { "read": ["member", "admin"], "write": [] },
        });
        let config = StreamConfig::from_json(&config).unwrap();
        assert_eq!(config.hooks, [StreamHook::CanAccess, StreamHook::OnLeave]);
        assert_eq!(
            config.roles.read.as_deref(),
            Some(&["member".to_owned(), "admin".to_owned()][..])
        );
        assert_eq!(config.roles.write, Some(Vec::new()));
        let written = serde_json::to_value(&config).unwrap();
        assert_eq!(written["hooks"], json!(["canAccess", "onLeave"]));
        assert_eq!(serde_json::from_value::<StreamConfig>(written).unwrap(), config);

        let plain = StreamConfig::from_json(&json!({ "name": "todos" })).unwrap();
        assert_eq!(serde_json::to_value(&plain).unwrap(), json!({ "name": "todos" }));

        let wrong = json!({ "name": "a", "onJoin": "x", "roles": { "read": "admin", "see": [] } });
        let faults = StreamConfig::from_json(&wrong).unwrap_err();
        let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
        assert_eq!(
            faults,
            [
                "config.onJoin: expected a function, found `x`",
                "config.roles.read: expected a list, found `admin`",
                "config.roles.see: is not known here; expected read, write",
            ]
        );
    }

    #[test]
    fn a_stream_step_watches_one_stream() {
        let step = json!({ "name": "a", "type": "stream", "key": "x" });
        assert_eq!(
            faults(step),
            [
                "config.streamName: is missing; expected the name of a stream",
                "config.key: is not a field of the config of a stream step",
            ]
        );
        let step = json!({ "name": "a", "type": "stream", "streamName": "todos", "itemId": "1*" });
        let step = serde_json::to_value(read(step)).unwrap();
        assert_eq!((&step["streamName"], &step["itemId"]), (&json!("todos"), &json!("1*")));
    }

    #[test]
    fn steps_that_run_may_be_atomic() {
        let step = json!({ "name": "a", "type": "state", "atomic": true });
        let config = read(step);
        assert!(config.atomic);
        assert_eq!(serde_json::to_value(&config).unwrap()["atomic"], json!(true));
        let noop = json!({ "name": "a", "type": "noop", "atomic": true });
        assert_eq!(faults(noop), ["config.atomic: is not a field of a noop config"]);
    }

    #[test]
    fn a_cron_step_says_what_happens_when_ticks_meet_or_were_missed() {
        let more = json!({
            "name": "a", "type": "cron", "cron": "0 * * * *", "overlap": "queue", "catchup": "all",
            "catchupWindowSeconds": 3600, "jitterSeconds": 1.5,
        });
        let StepKind::Cron(cron) = read(more.clone()).kind else { panic!("not a cron step") };
        assert_eq!((cron.overlap, cron.catchup), (Overlap::Queue, Catchup::All));
        assert_eq!((cron.catchup_window_seconds, cron.jitter_seconds), (3600.0, 1.5));
        let written = serde_json::to_value(&cron).unwrap();
        for field in ["overlap", "catchup"] {
            assert_eq!(written[field], more[field]);
        }

        let plain = json!({ "name": "a", "type": "cron", "cron": "0 * * * *" });
        let StepKind::Cron(cron) = read(plain).kind else { panic!("not a cron step") };
        assert_eq!((cron.overlap, cron.catchup), (Overlap::Allow, Catchup::None));
        assert_eq!((cron.catchup_window_seconds, cron.jitter_seconds), (86_400.0, 0.0));

        let wrong = json!({
            "name": "a", "type": "cron", "cron": "0 * * * *", "catchupWindowSeconds": 0,
            "overlap": "wait", "jitterSeconds": 4000,
        });
        assert_eq!(
            faults(wrong),
            [
                "config.catchupWindowSeconds: expected a number from 1 to 31536000, found 0",
                "config.overlap: expected one of allow, skip, queue, cancel, found `wait`",
                "config.jitterSeconds: expected a number from 0 to 3600, found 4000",
            ]
        );
    }
}
