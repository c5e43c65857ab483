//! A new step file: small, and complete enough to build and run unchanged.

use std::path::{Path, PathBuf};

use motia_manifest::{Emit, Language, StepConfig, StepKind};

use crate::discover::SOURCE_DIRECTORIES;

/// Where a step of this name belongs below `directory`.
///
/// # Errors
/// When no file name can be made of the name, or when the build does not look into the directory.
pub fn file(directory: &Path, name: &str, language: Language) -> Result<PathBuf, String> {
    let is_source = |part: &std::ffi::OsStr| SOURCE_DIRECTORIES.iter().any(|name| part == *name);
    if !directory.iter().any(is_source) {
        return Err(format!(
            "{} is not in `{}`, and steps are found nowhere else",
            directory.display(),
            SOURCE_DIRECTORIES.join("` or `")
        ));
    }
    let words = words(name);
    let is_allowed = |c: char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_' | '.');
    if words.is_empty() || !name.chars().all(is_allowed) {
        return Err(format!(
            "`{name}` is not a name for a file; expected letters and digits, with -, _, . or spaces between"
        ));
    }
    Ok(directory.join(match language {
        Language::Python => format!("{}_step.py", words.join("_")),
        Language::Rust => format!("{}_step.rs", words.join("_")),
        Language::JavaScript => format!("{}.step.js", words.join("-")),
        _ => format!("{}.step.ts", words.join("-")),
    }))
}

/// The words of a name in lower case: `CreateOrder` and `create-order` have the same.
pub fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut begins = true;
    let mut after_lower = false;
    for c in name.chars() {
        if !c.is_alphanumeric() {
            begins = true;
            continue;
        }
        if begins || (c.is_uppercase() && after_lower) {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut() {
            word.extend(c.to_lowercase());
        }
        begins = false;
        after_lower = !c.is_uppercase();
    }
    words
}

/// The text of a step file with this config, and with a handler that uses it.
pub fn text(config: &StepConfig, language: Language) -> String {
    match language {
        Language::Python => python(config),
        Language::Rust => rust(config),
        Language::JavaScript => javascript(config, false),
        _ => javascript(config, true),
    }
}

fn javascript(config: &StepConfig, is_typed: bool) -> String {
    let name = quoted(&config.name, '\'');
    let config_type = match config.kind {
        StepKind::Api(_) => "ApiRouteConfig",
        StepKind::Event(_) => "EventConfig",
        StepKind::Cron(_) => "CronConfig",
        StepKind::State(_) => "StateConfig",
        StepKind::Stream(_) => "StreamTriggerConfig",
        StepKind::Noop => "NoopConfig",
    };
    let is_noop = config.kind == StepKind::Noop;
    let mut text = String::new();
    if is_typed {
        let handlers = if is_noop { "" } else { ", Handlers" };
        text += &format!("import type {{ {config_type}{handlers} }} from 'motia'\n\n");
    }
    let annotation = if is_typed { format!(": {config_type}") } else { String::new() };
    text += &format!("export const config{annotation} = {{\n  type: '{}',\n", config.kind.name());
    for (key, value) in entries(config, '\'') {
        text += &format!("  {key}: {value},\n");
    }
    text += match &config.kind {
        StepKind::Api(api) if has_body(&api.method) => JAVASCRIPT_BODY,
        StepKind::Api(_) => JAVASCRIPT_RESPONSE,
        StepKind::Event(_) => JAVASCRIPT_INPUT,
        _ => "",
    };
    text += "}\n";
    if is_noop {
        return text;
    }
    let annotation = if is_typed { format!(": Handlers[{name}]") } else { String::new() };
    let used = if config.emits.is_empty() { "{ logger }" } else { "{ emit, logger }" };
    let (arguments, log) = match &config.kind {
        StepKind::Api(_) => {
            (format!("req, {used}"), "logger.info('Handling a request', { path: req.path })")
        }
        StepKind::Event(_) => (format!("input, {used}"), "logger.info('Handling an event', input)"),
        StepKind::State(_) | StepKind::Stream(_) => {
            (format!("input, {used}"), "logger.info('Handling a change', input)")
        }
        StepKind::Cron(_) | StepKind::Noop => {
            (used.to_owned(), "logger.info('Running on schedule')")
        }
    };
    text += &format!("\nexport const handler{annotation} = async ({arguments}) => {{\n  {log}\n");
    for emit in &config.emits {
        let topic = quoted(&emit.topic, '\'');
        let data = data(&config.kind, "req.body", "{ text: 'Hello' }");
        text += &format!("  await emit({{ topic: {topic}, data: {data} }})\n");
    }
    if matches!(config.kind, StepKind::Api(_)) {
        text += "  return { status: 200, body: { ok: true } }\n";
    }
    text + "}\n"
}

const JAVASCRIPT_INPUT: &str = "  \
  input: {
    type: 'object',
    properties: { text: { type: 'string' } },
    required: ['text'],
  },
";

const JAVASCRIPT_RESPONSE: &str = "  \
  responseSchema: {
    200: { type: 'object', properties: { ok: { type: 'boolean' } }, required: ['ok'] },
  },
";

const JAVASCRIPT_BODY: &str = "  \
  bodySchema: {
    type: 'object',
    properties: { text: { type: 'string' } },
    required: ['text'],
  },
  responseSchema: {
    200: { type: 'object', properties: { ok: { type: 'boolean' } }, required: ['ok'] },
  },
";

fn python(config: &StepConfig) -> String {
    let mut text = format!("config = {{\n    \"type\": \"{}\",\n", config.kind.name());
    for (key, value) in entries(config, '"') {
        text += &format!("    \"{key}\": {value},\n");
    }
    text += match &config.kind {
        StepKind::Api(api) if has_body(&api.method) => PYTHON_BODY,
        StepKind::Api(_) => PYTHON_RESPONSE,
        StepKind::Event(_) => PYTHON_INPUT,
        _ => "",
    };
    text += "}\n";
    let (arguments, log) = match &config.kind {
        StepKind::Api(_) => ("req, context", "\"Handling a request\", {\"path\": req.path}"),
        StepKind::Event(_) => ("input, context", "\"Handling an event\", input"),
        StepKind::Cron(_) => ("context", "\"Running on schedule\""),
        StepKind::State(_) | StepKind::Stream(_) => {
            ("input, context", "\"Handling a change\", input")
        }
        StepKind::Noop => return text,
    };
    text += &format!("\n\nasync def handler({arguments}):\n    context.logger.info({log})\n");
    for emit in &config.emits {
        let topic = quoted(&emit.topic, '"');
        let data = data(&config.kind, "req.body", "{\"text\": \"Hello\"}");
        text += &format!("    await context.emit({{\"topic\": {topic}, \"data\": {data}}})\n");
    }
    if matches!(config.kind, StepKind::Api(_)) {
        text += "    return {\"status\": 200, \"body\": {\"ok\": True}}\n";
    }
    text
}

const PYTHON_INPUT: &str = r#"    "input": {
        "type": "object",
        "properties": {"text": {"type": "string"}},
        "required": ["text"],
    },
"#;

const PYTHON_RESPONSE: &str = r#"    "responseSchema": {
        200: {"type": "object", "properties": {"ok": {"type": "boolean"}}, "required": ["ok"]},
    },
"#;

const PYTHON_BODY: &str = r#"    "bodySchema": {
        "type": "object",
        "properties": {"text": {"type": "string"}},
        "required": ["text"],
    },
    "responseSchema": {
        200: {"type": "object", "properties": {"ok": {"type": "boolean"}}, "required": ["ok"]},
    },
"#;

fn rust(config: &StepConfig) -> String {
    let keys: String = entries(config, '"')
        .into_iter()
        .map(|(key, value)| format!("    {} = {value},\n", words(key).join("_")))
        .collect();
    let (types, arguments, output, log) = match &config.kind {
        StepKind::Api(api) if has_body(&api.method) => (
            format!("{RUST_INPUT}{RUST_OUTPUT}"),
            "req: Request<Input>, ",
            "Response<Output>",
            "\"Handling a request\", json!({ \"text\": &req.body.text })",
        ),
        StepKind::Api(_) => (
            format!("use serde::Serialize;\n{RUST_OUTPUT}"),
            "req: Request, ",
            "Response<Output>",
            "\"Handling a request\", json!({ \"path\": &req.path })",
        ),
        StepKind::Event(_) => {
            (RUST_INPUT.to_owned(), "input: Input, ", "()", "\"Handling an event\", &input")
        }
        StepKind::Cron(_) => (String::new(), "", "()", "\"Running on schedule\", json!({})"),
        StepKind::State(_) => (
            String::new(),
            "change: StateChange, ",
            "()",
            "\"Handling a change\", json!({ \"key\": &change.key })",
        ),
        StepKind::Stream(_) => (
            String::new(),
            "change: StreamChange, ",
            "()",
            "\"Handling a change\", json!({ \"id\": &change.id })",
        ),
        StepKind::Noop => return format!("motia::noop! {{\n{keys}}}\n"),
    };
    let attribute = match &config.kind {
        StepKind::State(_) => "state_change",
        StepKind::Stream(_) => "stream_change",
        other => other.name(),
    };
    let mut text = format!(
        "use motia::prelude::*;\n{types}\n#[motia::{attribute}(\n{keys})]\n\
         fn handler({arguments}ctx: Context) -> Result<{output}> {{\n    ctx.logger().info({log});\n"
    );
    for emit in &config.emits {
        let topic = quoted(&emit.topic, '"');
        let data = data(&config.kind, "req.body", "json!({ \"text\": \"Hello\" })");
        text += &format!("    ctx.emit({topic}, &{data})?;\n");
    }
    text += match &config.kind {
        StepKind::Api(_) => "    Ok(Response::ok(Output { ok: true }))\n",
        _ => "    Ok(())\n",
    };
    text + "}\n"
}

const RUST_INPUT: &str = "\
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, JsonSchema)]
struct Input {
    text: String,
}
";

const RUST_OUTPUT: &str = "
#[derive(Serialize, JsonSchema)]
struct Output {
    ok: bool,
}
";

/// The keys of a config that the user gave, and their values as literals; lists are those of all four languages.
fn entries(config: &StepConfig, quote: char) -> Vec<(&'static str, String)> {
    let one = |text: &str| quoted(text, quote);
    let list = |texts: Vec<&str>| {
        let texts: Vec<String> = texts.into_iter().map(one).collect();
        format!("[{}]", texts.join(", "))
    };
    let topics = |emits: &[Emit]| list(emits.iter().map(|emit| emit.topic.as_str()).collect());
    let names = |names: &[String]| list(names.iter().map(String::as_str).collect());
    let mut entries = vec![("name", one(&config.name))];
    if let Some(description) = &config.description {
        entries.push(("description", one(description)));
    }
    let given = |key, text: &Option<String>| text.as_deref().map(|text| (key, one(text)));
    match &config.kind {
        StepKind::Api(api) => {
            entries.extend([("method", one(&api.method)), ("path", one(&api.path))]);
        }
        StepKind::Event(event) => entries.push(("subscribes", names(&event.subscribes))),
        StepKind::Cron(cron) => entries.push(("cron", one(&cron.cron))),
        StepKind::State(state) => {
            entries.extend(given("groupId", &state.group_id));
            entries.extend(given("key", &state.key));
        }
        StepKind::Stream(stream) => {
            entries.push(("streamName", one(&stream.stream_name)));
            entries.extend(given("groupId", &stream.group_id));
            entries.extend(given("itemId", &stream.item_id));
        }
        StepKind::Noop => {}
    }
    let lists = [
        ("emits", topics(&config.emits), config.emits.is_empty()),
        (
            "virtualSubscribes",
            names(&config.virtual_subscribes),
            config.virtual_subscribes.is_empty(),
        ),
        ("virtualEmits", topics(&config.virtual_emits), config.virtual_emits.is_empty()),
        ("flows", names(&config.flows), config.flows.is_empty()),
    ];
    entries.extend(
        lists.into_iter().filter(|(.., is_empty)| !is_empty).map(|(key, list, _)| (key, list)),
    );
    entries
}

/// A string literal. What would end it or begin an escape is escaped alike in all four languages.
fn quoted(text: &str, quote: char) -> String {
    let mut literal = String::from(quote);
    for c in text.chars() {
        match c {
            '\n' => literal.push_str("\\n"),
            '\r' => literal.push_str("\\r"),
            '\\' => literal.push_str("\\\\"),
            c if c == quote => literal.extend(['\\', c]),
            c => literal.push(c),
        }
    }
    literal.push(quote);
    literal
}

/// What the handler emits: what it was given, or an example.
fn data<'a>(kind: &StepKind, body: &'a str, example: &'a str) -> &'a str {
    match kind {
        StepKind::Api(api) if has_body(&api.method) => body,
        StepKind::Event(_) => "input",
        _ => example,
    }
}

fn has_body(method: &str) -> bool {
    matches!(method, "POST" | "PUT" | "PATCH")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn files_have_the_names_that_discovery_looks_for() {
        let file = |name, language| {
            let file = file(Path::new("steps/orders"), name, language).unwrap();
            file.to_string_lossy().replace('\\', "/")
        };
        assert_eq!(file("CreateOrder", Language::TypeScript), "steps/orders/create-order.step.ts");
        assert_eq!(file("create order", Language::JavaScript), "steps/orders/create-order.step.js");
        assert_eq!(file("create-order", Language::Python), "steps/orders/create_order_step.py");
        assert_eq!(file("SendSMS2", Language::Rust), "steps/orders/send_sms2_step.rs");
    }

    #[test]
    fn a_name_or_a_directory_that_the_build_cannot_find_is_refused() {
        let refused = |directory: &str, name: &str| {
            file(Path::new(directory), name, Language::Rust).unwrap_err()
        };
        assert!(refused("lib", "Order").contains("`steps` or `src`"));
        assert!(refused("steps", "../Order").contains("`../Order`"));
        assert!(refused("steps", "--").contains("`--`"));
    }

    #[test]
    fn what_the_user_wrote_stays_inside_its_literal() {
        let config = StepConfig::from_json(&json!({
            "type": "cron", "name": "It's", "description": "say \"x\\y\"", "cron": "* * * * *",
        }))
        .unwrap();
        let typescript = text(&config, Language::TypeScript);
        assert!(typescript.contains(r"name: 'It\'s',"), "{typescript}");
        assert!(typescript.contains(r"Handlers['It\'s']"), "{typescript}");
        let rust = text(&config, Language::Rust);
        assert!(rust.contains(r#"description = "say \"x\\y\"","#), "{rust}");
    }

    #[test]
    fn a_step_that_watches_is_given_the_change_in_every_language() {
        let config = StepConfig::from_json(&json!({
            "type": "stream", "name": "Watch", "streamName": "todos", "itemId": "open:*",
            "emits": ["todo.changed"],
        }))
        .unwrap();
        let typescript = text(&config, Language::TypeScript);
        for line in [
            "import type { StreamTriggerConfig, Handlers } from 'motia'\n",
            "  streamName: 'todos',\n  itemId: 'open:*',\n  emits: ['todo.changed'],\n}\n",
            "Handlers['Watch'] = async (input, { emit, logger }) => {\n",
        ] {
            assert!(typescript.contains(line), "{typescript}");
        }
        let python = text(&config, Language::Python);
        assert!(python.contains("    \"streamName\": \"todos\",\n"), "{python}");
        assert!(python.contains("async def handler(input, context):\n"), "{python}");
        let rust = text(&config, Language::Rust);
        for line in [
            "#[motia::stream_change(\n",
            "    stream_name = \"todos\",\n    item_id = \"open:*\",\n",
            "fn handler(change: StreamChange, ctx: Context) -> Result<()> {\n",
        ] {
            assert!(rust.contains(line), "{rust}");
        }
    }

    #[test]
    fn a_noop_step_is_drawn_and_has_no_handler() {
        let config = StepConfig::from_json(&json!({
            "type": "noop", "name": "Approval", "virtualEmits": ["a"], "virtualSubscribes": ["b", "c"],
        }))
        .unwrap();
        assert_eq!(
            text(&config, Language::Rust),
            "motia::noop! {\n    name = \"Approval\",\n    virtual_subscribes = [\"b\", \"c\"],\n    \
             virtual_emits = [\"a\"],\n}\n"
        );
        for language in [Language::TypeScript, Language::JavaScript, Language::Python] {
            assert!(!text(&config, language).contains("handler"), "{language:?}");
        }
    }
}
