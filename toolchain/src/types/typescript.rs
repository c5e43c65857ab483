//! `types.d.ts`: what the module `motia` knows of the project.

use motia_manifest::{Language, Manifest, Step, StepKind};
use serde_json::Value;

use super::{
    interface::{Interface, Topic},
    prefixes,
    schema::{Field, Naming, Object, Type, Types},
};

/// The types of the module `motia` itself.
const MODULE: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../guests/js/types/index.d.ts"));

const HEADER: &str = "\
// Written by motia from the configs of the project's steps; `motia dev` writes it again: do not edit.
//
// In a step: import type { Handlers } from 'motia'
//            export const handler: Handlers['StepName'] = async (req, { emit, streams }) => ...
";

/// Makes the file a module, in which a declaration extends that of the npm package.
const IMPORT: &str = "import type { ApiResponse, ApiRouteHandler, CronHandler, EventHandler, MotiaStream } from 'motia'\n";

/// The longest line that is not broken up.
const LINE: usize = 100;

/// Where the types of the module `motia` come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MotiaModule {
    /// An npm package, which the file extends.
    Installed,
    /// The file itself.
    Included,
}

/// The file, with the handlers of the steps in JavaScript and TypeScript.
pub fn file(manifest: &Manifest, interface: &Interface<'_>, module: MotiaModule) -> String {
    let mut types = Types::new(Naming::References);
    let items = items(manifest, &mut types);
    let stream = |(name, item): &(&str, Type)| {
        format!("    {}: MotiaStream<{}>\n", quoted(name), print_item(item, 2))
    };
    let streams: String = items.iter().map(stream).collect();
    let context = context(manifest, &mut types);
    let handlers = handlers(manifest, interface, &items, &mut types);
    let mut own = String::new();
    for (name, r#type) in &types.definitions {
        own += &format!("  type {name} = {}\n\n", print(r#type, 1));
    }
    own += &format!("  interface FlowContextStateStreams {{\n{streams}  }}\n\n");
    if let Some(context) = context {
        own += &format!("  interface StreamAuthContext {context}\n\n");
    }
    own += &format!("  interface Handlers {{\n{handlers}  }}\n");
    let own = format!("\ndeclare module 'motia' {{\n{own}}}\n");
    match module {
        MotiaModule::Installed => format!("{HEADER}{IMPORT}{own}"),
        MotiaModule::Included => {
            format!("{HEADER}{own}\ndeclare module 'motia' {{\n{}}}\n", indented(MODULE))
        }
    }
}

/// What the items of each stream are, by the stream's name.
fn items<'a>(manifest: &'a Manifest, types: &mut Types) -> Vec<(&'a str, Type)> {
    let streams = || manifest.streams.iter().map(|stream| &stream.config);
    let prefixes = prefixes(streams().map(|stream| stream.name.as_str()));
    let items = streams().zip(prefixes).map(|(stream, prefix)| {
        (stream.name.as_str(), types.read(stream.schema.as_ref(), &format!("{prefix}Item")))
    });
    items.collect()
}

/// What is known of clients of streams, where it is an object: an interface can be nothing else.
fn context(manifest: &Manifest, types: &mut Types) -> Option<String> {
    let schema = manifest.stream_auth.as_ref()?.context_schema.as_ref()?;
    let context = types.read(Some(schema), "StreamAuthContext");
    let is_object = matches!(context, Type::Object(_));
    is_object.then(|| print(&context, 1)).filter(|fields| fields.starts_with('{'))
}

/// An item of which nothing is known can be used as if all were known.
fn print_item(item: &Type, level: usize) -> String {
    if *item == Type::Any { "any".to_owned() } else { print(item, level) }
}

fn handlers(
    manifest: &Manifest,
    interface: &Interface<'_>,
    items: &[(&str, Type)],
    types: &mut Types,
) -> String {
    let written = |step: &&Step| {
        matches!(step.language, Language::TypeScript | Language::JavaScript)
            && step.config.kind != StepKind::Noop
    };
    let steps: Vec<&Step> = manifest.steps.iter().filter(written).collect();
    let topics = interface.emitted_by(&steps);
    let prefixes_of_topics = prefixes(topics.iter().map(|topic| topic.name));
    let mut data: Vec<(&Topic<'_>, Type)> = Vec::new();
    for (topic, prefix) in topics.into_iter().zip(prefixes_of_topics) {
        data.push((topic, types.read(Some(&topic.schema), &format!("{prefix}Data"))));
    }
    let names = prefixes(steps.iter().map(|step| step.config.name.as_str()));
    let mut lines = String::new();
    for (step, prefix) in steps.into_iter().zip(names) {
        let emitted = interface.emits(step);
        let events = data.iter().filter(|(topic, _)| emitted.contains(topic));
        let events = joined(events.map(|(topic, data)| event(topic, data)).collect(), "never");
        let handler = match &step.config.kind {
            StepKind::Api(api) => {
                let body = types.read(api.body_schema.as_ref(), &format!("{prefix}Body"));
                let responses = api.response_schema.iter().map(|(status, schema)| {
                    let body = types.read(Some(schema), &format!("{prefix}Response{status}Body"));
                    response(status, &body)
                });
                let responses = joined(responses.collect(), "unknown");
                generic("ApiRouteHandler", &[print(&body, 3), responses, events])
            }
            StepKind::Event(event) => {
                let input = types.read(event.input.as_ref(), &format!("{prefix}Input"));
                let batch = event.infrastructure.queue.batch.is_some();
                let handler = if batch { "BatchHandler" } else { "EventHandler" };
                generic(handler, &[print(&input, 3), events])
            }
            StepKind::State(_) => generic("StateHandler", &["any".to_owned(), events]),
            StepKind::Stream(stream) => {
                let item = items.iter().find(|(name, _)| *name == stream.stream_name);
                let item = item.map_or("any".to_owned(), |(_, item)| print_item(item, 3));
                generic("StreamHandler", &[item, events])
            }
            StepKind::Cron(_) | StepKind::Noop => generic("CronHandler", &[events]),
        };
        let description = match &step.config.description {
            Some(description) => format!("{description} ({})", step.file),
            None => step.file.clone(),
        };
        lines += &format!("    {}\n", comment(&description));
        lines += &format!("    {}: {handler}\n", quoted(&step.config.name));
    }
    lines
}

/// What `emit` takes for a topic.
fn event(topic: &Topic<'_>, data: &Type) -> String {
    let field = |name: &str, r#type| Field {
        name: name.to_owned(),
        description: None,
        required: true,
        r#type,
    };
    let mut fields =
        vec![field("topic", Type::Literal(Value::from(topic.name))), field("data", data.clone())];
    if topic.ordered {
        fields.push(field("messageGroupId", Type::String));
    }
    object(&Object { fields, others: None }, 3)
}

fn response(status: &str, body: &Type) -> String {
    let status = status.parse::<u16>().map_or("number".to_owned(), |status| status.to_string());
    format!("ApiResponse<{status}, {}>", print(body, 3))
}

/// A union, and what stands for an empty one.
fn joined(parts: Vec<String>, empty: &str) -> String {
    if parts.is_empty() { empty.to_owned() } else { parts.join(" | ") }
}

/// A type with its arguments, each on its own lines if they do not fit on one.
fn generic(name: &str, arguments: &[String]) -> String {
    let line = arguments.join(", ");
    if line.len() <= LINE && !line.contains('\n') {
        return format!("{name}<{line}>");
    }
    format!("{name}<\n      {}\n    >", arguments.join(",\n      "))
}

/// The type as it is written in a line that is indented by so many levels.
fn print(r#type: &Type, level: usize) -> String {
    match r#type {
        Type::Any => "unknown".to_owned(),
        Type::Never => "never".to_owned(),
        Type::Null => "null".to_owned(),
        Type::Boolean => "boolean".to_owned(),
        Type::Integer | Type::Number => "number".to_owned(),
        Type::String => "string".to_owned(),
        Type::Literal(Value::String(text)) => quoted(text),
        Type::Literal(value) => value.to_string(),
        Type::Array(item) => format!("{}[]", operand(item, level)),
        Type::Tuple(first, rest) => {
            let mut parts: Vec<String> = first.iter().map(|part| print(part, level)).collect();
            parts.extend(rest.iter().map(|rest| format!("...{}[]", operand(rest, level))));
            format!("[{}]", parts.join(", "))
        }
        Type::Object(fields) => object(fields, level),
        Type::Nullable(inner) => format!("{} | null", print(inner, level)),
        Type::Union(parts) => {
            parts.iter().map(|part| print(part, level)).collect::<Vec<_>>().join(" | ")
        }
        Type::Intersection(parts) => {
            parts.iter().map(|part| operand(part, level)).collect::<Vec<_>>().join(" & ")
        }
        Type::Named(name) => name.clone(),
    }
}

/// The type as an operand that binds tighter than unions do.
fn operand(r#type: &Type, level: usize) -> String {
    let text = print(r#type, level);
    match r#type {
        Type::Nullable(_) | Type::Union(_) | Type::Intersection(_) => format!("({text})"),
        _ => text,
    }
}

fn object(object: &Object, level: usize) -> String {
    let indent = "  ".repeat(level + 1);
    let mut lines: Vec<String> = Vec::new();
    for field in &object.fields {
        let mark = if field.required { "" } else { "?" };
        let line = format!("{}{mark}: {}", key(&field.name), print(&field.r#type, level + 1));
        lines.push(match &field.description {
            Some(text) => format!("{}\n{indent}{line}", comment(text)),
            None => line,
        });
    }
    if let Some(others) = &object.others {
        lines.push(format!("[key: string]: {}", index(object, others, level + 1)));
    }
    if lines.is_empty() {
        return "Record<string, never>".to_owned();
    }
    let line = format!("{{ {} }}", lines.join("; "));
    if line.len() <= LINE && !line.contains('\n') {
        return line;
    }
    let lines: String = lines.iter().map(|line| format!("{indent}{line}\n")).collect();
    format!("{{\n{lines}{}}}", "  ".repeat(level))
}

/// The type of an index signature, which the known fields must fit as well.
fn index(object: &Object, others: &Type, level: usize) -> String {
    let mut parts = vec![print(others, level)];
    for field in &object.fields {
        let r#type = print(&field.r#type, level);
        if !parts.contains(&r#type) {
            parts.push(r#type);
        }
    }
    if object.fields.iter().any(|field| !field.required) {
        parts.push("undefined".to_owned());
    }
    parts.join(" | ")
}

fn key(name: &str) -> String {
    let mut chars = name.chars();
    let begins = chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_' || c == '$');
    let plain = begins && chars.all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '$');
    if plain { name.to_owned() } else { quoted(name) }
}

/// A string literal.
fn quoted(text: &str) -> String {
    let json = Value::from(text).to_string();
    let inner = &json[1..json.len() - 1];
    format!("'{}'", inner.replace("\\\"", "\"").replace('\'', "\\'"))
}

/// A comment of one line.
fn comment(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    format!("/** {} */", words.join(" ").replace("*/", "* /"))
}

fn indented(text: &str) -> String {
    text.lines()
        .map(|line| if line.is_empty() { "\n".to_owned() } else { format!("  {line}\n") })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::types::samples::{event, manifest, shop, stream};

    #[test]
    fn the_file_has_streams_and_handlers() {
        let manifest = shop();
        let interface = Interface::of(&manifest);
        let installed = file(&manifest, &interface, MotiaModule::Installed);
        assert_eq!(installed, include_str!("golden/types.d.ts"));
        let included = file(&manifest, &interface, MotiaModule::Included);
        assert!(!included.lines().any(|line| line.starts_with("import")));
        assert!(included.contains("\n  export interface ApiRouteConfig"));
    }

    #[test]
    fn batches_and_changes_have_handlers_of_their_own() {
        let queue = json!({ "queue": { "batch": { "size": 10 } } });
        let batch =
            json!({ "subscribes": ["t"], "input": { "type": "string" }, "infrastructure": queue });
        let mut manifest = manifest(vec![
            event("steps/count.step.ts", batch),
            event("steps/watch.step.ts", json!({ "type": "state", "emits": ["t"] })),
            event("steps/follow.step.ts", json!({ "type": "stream", "streamName": "sizes" })),
            event("steps/guess.step.ts", json!({ "type": "stream", "streamName": "unknown" })),
        ]);
        manifest.streams = vec![stream("sizes", json!({ "type": "integer" }))];
        let text = file(&manifest, &Interface::of(&manifest), MotiaModule::Installed);
        for line in [
            "'count': BatchHandler<string, never>",
            "'watch': StateHandler<any, { topic: 't'; data: string }>",
            "'follow': StreamHandler<number, never>",
            "'guess': StreamHandler<any, never>",
        ] {
            assert!(text.contains(line), "no `{line}` in {text}");
        }
    }

    #[test]
    fn what_is_known_of_clients_extends_the_modules_interface() {
        let written = |schema: Value| {
            let mut manifest = manifest(Vec::new());
            let auth = json!({
                "file": "motia.config.ts", "language": "typescript", "contextSchema": schema,
                "code": { "component": { "path": "a", "sha256": "0".repeat(64), "bytes": 1 } },
            });
            manifest.stream_auth = Some(serde_json::from_value(auth).unwrap());
            file(&manifest, &Interface::of(&manifest), MotiaModule::Installed)
        };
        let user = json!({ "type": "object", "properties": { "user": { "type": "string" } }, "required": ["user"] });
        let text = written(user.clone());
        assert!(text.contains("  interface StreamAuthContext { user: string }\n"), "{text}");
        let either = json!({ "anyOf": [user, { "type": "string" }] });
        let nothing = json!({ "type": "object", "additionalProperties": false });
        for schema in [either, nothing, json!(true)] {
            assert!(!written(schema).contains("interface StreamAuthContext"));
        }
    }

    #[test]
    fn types_are_written_as_typescript_wants_them() {
        let written = |schema: Value| {
            let mut types = Types::new(Naming::References);
            print(&types.read(Some(&schema), "T"), 0)
        };
        let nullable = json!({ "type": "array", "items": { "type": ["string", "null"] } });
        assert_eq!(written(nullable), "(string | null)[]");
        let tuple =
            json!({ "items": [{ "const": "it's" }], "additionalItems": { "type": "number" } });
        assert_eq!(written(tuple), "['it\\'s', ...number[]]");
        let record = json!({
            "type": "object",
            "properties": { "a-b": { "type": "string" } },
            "additionalProperties": { "type": "number" }
        });
        assert_eq!(
            written(record),
            "{ 'a-b'?: string; [key: string]: number | string | undefined }"
        );
        let closed = json!({ "type": "object", "additionalProperties": false });
        assert_eq!(written(closed), "Record<string, never>");
    }
}
