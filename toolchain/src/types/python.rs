//! `motia_types.py`: what the handlers in Python are given, return and emit.

use motia_manifest::{Language, Manifest, Step, StepKind};
use serde_json::Value;

use super::{
    interface::{Interface, Topic},
    prefixes,
    schema::{Naming, Object, Type, Types},
};

const HEADER: &str = "\
# Written by motia from the configs of the project's steps; `motia dev` writes it again: do not edit.
#
# It is for type checkers and editors, and not there when a step runs. In a step:
#
#     from __future__ import annotations
#     from typing import TYPE_CHECKING
#     if TYPE_CHECKING:
#         from motia_types import StepNameContext, StepNameRequest, StepNameResponse
#
#     async def handler(req: StepNameRequest, context: StepNameContext) -> StepNameResponse: ...

";

/// What is the same in every project. It uses `Streams`, which is not.
const PRELUDE: &str = include_str!("prelude.py");

/// Words that cannot be the name of a field.
const KEYWORDS: &[&str] = &[
    "False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue",
    "def", "del", "elif", "else", "except", "finally", "for", "from", "global", "if", "import",
    "in", "is", "lambda", "nonlocal", "not", "or", "pass", "raise", "return", "try", "while",
    "with", "yield",
];

/// The file, with the handlers of the steps in Python.
pub fn file(manifest: &Manifest, interface: &Interface<'_>) -> String {
    let mut types = Types::new(Naming::Objects);
    let items = items(manifest, &mut types);
    let mut parts = vec![streams(&items)];
    let written =
        |step: &&Step| step.language == Language::Python && step.config.kind != StepKind::Noop;
    let steps: Vec<&Step> = manifest.steps.iter().filter(written).collect();
    let topics = interface.emitted_by(&steps);
    let events = prefixes(topics.iter().map(|topic| topic.name));
    for (topic, prefix) in topics.iter().zip(&events) {
        parts.push(event(topic, prefix, &mut types));
    }
    let names = prefixes(steps.iter().map(|step| step.config.name.as_str()));
    for (step, prefix) in steps.into_iter().zip(names) {
        let emitted = interface.emits(step);
        let own = topics.iter().zip(&events).filter(|(topic, _)| emitted.contains(topic));
        let own: Vec<String> = own.map(|(_, prefix)| format!("{prefix}Event")).collect();
        parts.push(handler(step, &prefix, &items, &mut types) + &context(step, &prefix, &own));
    }
    let definitions: String =
        types.definitions.iter().map(|(name, r#type)| define(name, r#type)).collect();
    format!("{HEADER}{PRELUDE}\n{definitions}{}", parts.join("\n"))
}

/// What the items of each stream are, by the stream's name.
fn items<'a>(manifest: &'a Manifest, types: &mut Types) -> Vec<(&'a str, String)> {
    let streams = || manifest.streams.iter().map(|stream| &stream.config);
    let prefixes = prefixes(streams().map(|stream| stream.name.as_str()));
    let items = streams().zip(prefixes).map(|(stream, prefix)| {
        let item = types.read(stream.schema.as_ref(), &format!("{prefix}Item"));
        (stream.name.as_str(), print(&item))
    });
    items.collect()
}

fn streams(streams: &[(&str, String)]) -> String {
    let mut attributes = String::new();
    let mut items = Vec::new();
    for (name, item) in streams {
        let stream = format!("Stream[{item}]");
        // `get` is a method of the streams themselves.
        if is_name(name) && *name != "get" {
            attributes += &format!("    @property\n    def {name}(self) -> {stream}: ...\n");
        }
        items.push(format!(
            "def __getitem__(self, name: Literal[{}], /) -> {stream}: ...",
            quoted(name)
        ));
    }
    let body = attributes + &methods(&items);
    let body = if body.is_empty() { "    ...\n" } else { body.as_str() };
    format!("class Streams(Protocol):\n{body}")
}

/// What `emit` takes for a topic.
fn event(topic: &Topic<'_>, prefix: &str, types: &mut Types) -> String {
    let data = types.read(Some(&topic.schema), &format!("{prefix}Data"));
    let group = if topic.ordered { "str" } else { "NotRequired[str]" };
    format!(
        "# Handled by {}\nclass {prefix}Event(EmitOptions):\n    topic: Literal[{}]\n    data: {}\n    messageGroupId: {group}\n",
        topic.files.join(", "),
        quoted(topic.name),
        print(&data),
    )
}

/// What a step's handler is given and returns.
fn handler(step: &Step, prefix: &str, items: &[(&str, String)], types: &mut Types) -> String {
    let mut text = format!("# {}\n", step.file);
    match &step.config.kind {
        StepKind::Api(api) => {
            let body = types.read(api.body_schema.as_ref(), &format!("{prefix}Body"));
            text += &format!("{prefix}Request: TypeAlias = \"ApiRequest[{}]\"\n\n", print(&body));
            let mut responses = Vec::new();
            for (status, schema) in &api.response_schema {
                let name = format!("{prefix}Response{status}");
                let body = types.read(Some(schema), &format!("{name}Body"));
                text += &response(&name, status, &body);
                responses.push(name);
            }
            let any =
                if responses.is_empty() { "ApiResponse".to_owned() } else { responses.join(" | ") };
            text += &format!("{prefix}Response: TypeAlias = \"{any}\"\n\n");
        }
        StepKind::Event(event) => {
            let input = types.read(event.input.as_ref(), &format!("{prefix}Input"));
            if event.infrastructure.queue.batch.is_some() {
                text += &format!("{prefix}Inputs: TypeAlias = \"list[{}]\"\n\n", print(&input));
            }
        }
        StepKind::State(_) => {
            text += &format!("{prefix}Input: TypeAlias = \"StateChange\"\n\n");
        }
        StepKind::Stream(stream) => {
            let item = items.iter().find(|(name, _)| *name == stream.stream_name);
            let item = item.map_or("Any", |(_, item)| item.as_str());
            text += &format!("{prefix}Input: TypeAlias = \"StreamChange[{item}]\"\n\n");
        }
        StepKind::Cron(_) | StepKind::Noop => {}
    }
    text
}

fn response(name: &str, status: &str, body: &Type) -> String {
    let status = match status.parse::<u16>() {
        Ok(status) => format!("Literal[{status}]"),
        Err(_) => "int".to_owned(),
    };
    let headers = "NotRequired[Mapping[str, str | list[str]]]";
    format!(
        "class {name}(TypedDict):\n    status: {status}\n    body: {}\n    headers: {headers}\n\n",
        print(body)
    )
}

fn context(step: &Step, prefix: &str, events: &[String]) -> String {
    let emit = |event: &str| format!("def emit(self, event: {event}, /) -> Awaitable[str]: ...");
    let emits: Vec<String> = match events {
        [] => vec![emit("Never")],
        events => events.iter().map(String::as_str).map(emit).collect(),
    };
    format!("class {prefix}Context(Context, Protocol):\n{}{}", received(step), methods(&emits))
}

/// What a context tells of the events for which its step is called.
fn received(step: &Step) -> &'static str {
    match &step.config.kind {
        StepKind::Event(event) if event.infrastructure.queue.batch.is_some() => {
            "    @property\n    def events(self) -> list[EventInfo]: ...\n"
        }
        StepKind::Event(_) => "    @property\n    def event(self) -> EventInfo: ...\n",
        _ => "",
    }
}

/// Methods of one name; an overload alone is an error.
fn methods(methods: &[String]) -> String {
    let overload = if methods.len() > 1 { "    @overload\n" } else { "" };
    methods.iter().map(|method| format!("{overload}    {method}\n")).collect()
}

fn define(name: &str, r#type: &Type) -> String {
    match r#type {
        Type::Object(object) if is_class(object) => class(name, object),
        // Quoted, because it may name what comes later, even itself.
        r#type => format!("{name}: TypeAlias = {}\n\n", deferred(&print(r#type))),
    }
}

/// A type in quotes, so that it is not evaluated. No literal has a quote in it.
fn deferred(printed: &str) -> String {
    let quote = if printed.contains('"') { '\'' } else { '"' };
    format!("{quote}{printed}{quote}")
}

/// Whether the object is more than a mapping of any keys to values of one type.
fn is_class(object: &Object) -> bool {
    !object.fields.is_empty() || object.others.is_none()
}

fn class(name: &str, object: &Object) -> String {
    let plain = object.fields.iter().all(|field| is_name(&field.name));
    let (begin, end) = match plain {
        true => (format!("class {name}(TypedDict):\n"), "\n"),
        false => (format!("{name} = TypedDict(\"{name}\", {{\n"), "})\n\n"),
    };
    let mut lines = String::new();
    // The only text that is no key of a `TypedDict` is the empty one.
    for field in object.fields.iter().filter(|field| !field.name.is_empty()) {
        let printed = print(&field.r#type);
        let printed = if field.required { printed } else { format!("NotRequired[{printed}]") };
        if let Some(description) = &field.description {
            let words: Vec<&str> = description.split_whitespace().collect();
            lines += &format!("    # {}\n", words.join(" "));
        }
        lines += &match plain {
            true => format!("    {}: {printed}\n", field.name),
            false => format!("    {}: {},\n", quoted(&field.name), deferred(&printed)),
        };
    }
    if let Some(others) = &object.others {
        lines += &format!("    # and any other keys: {}\n", print(others));
    }
    if object.fields.is_empty() {
        lines += "    ...\n";
    }
    format!("{begin}{lines}{end}")
}

fn print(r#type: &Type) -> String {
    match r#type {
        // No checker follows more than one type that a value has at once.
        Type::Any | Type::Intersection(_) => "Any".to_owned(),
        Type::Never => "Never".to_owned(),
        Type::Null => "None".to_owned(),
        Type::Boolean => "bool".to_owned(),
        Type::Integer => "int".to_owned(),
        Type::Number => "float".to_owned(),
        Type::String => "str".to_owned(),
        Type::Literal(_) => union(std::slice::from_ref(r#type)),
        Type::Array(item) => format!("list[{}]", print(item)),
        // JSON's lists are lists in Python, whatever is where in them.
        Type::Tuple(first, rest) => {
            let mut parts: Vec<String> = Vec::new();
            for part in first.iter().chain(rest.as_deref()).map(print) {
                if !parts.contains(&part) {
                    parts.push(part);
                }
            }
            format!("list[{}]", if parts.is_empty() { "Any".to_owned() } else { parts.join(" | ") })
        }
        Type::Object(object) => {
            format!("dict[str, {}]", object.others.as_deref().map_or("Any".to_owned(), print))
        }
        Type::Nullable(inner) => format!("{} | None", print(inner)),
        Type::Union(parts) => union(parts),
        Type::Named(name) => name.clone(),
    }
}

/// A union, its literals together.
fn union(parts: &[Type]) -> String {
    let literals: Vec<String> = parts.iter().filter_map(literal).collect();
    let mut printed = Vec::new();
    if !literals.is_empty() {
        printed.push(format!("Literal[{}]", literals.join(", ")));
    }
    for part in parts.iter().filter(|part| literal(part).is_none()) {
        printed.push(match part {
            Type::Literal(Value::String(_)) => "str".to_owned(),
            // There are no literals of fractions.
            Type::Literal(_) => "float".to_owned(),
            part => print(part),
        });
    }
    printed.join(" | ")
}

fn literal(r#type: &Type) -> Option<String> {
    match r#type {
        Type::Literal(Value::String(text)) if !text.contains(['"', '\'', '\\']) => {
            Some(quoted(text))
        }
        Type::Literal(Value::Bool(true)) => Some("True".to_owned()),
        Type::Literal(Value::Bool(false)) => Some("False".to_owned()),
        Type::Literal(Value::Number(number)) if !number.is_f64() => Some(number.to_string()),
        _ => None,
    }
}

/// Whether a text can be the name of a field.
fn is_name(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
        // The name would be mangled.
        && !text.starts_with("__")
        && !KEYWORDS.contains(&text)
}

/// A string literal: JSON's are Python's as well.
fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::types::samples::{event, manifest, shop, stream};

    #[test]
    fn the_file_has_streams_events_and_handlers() {
        let manifest = shop();
        let file = file(&manifest, &Interface::of(&manifest));
        let own = file.split_once(PRELUDE).unwrap().1;
        assert_eq!(own, include_str!("golden/motia_types.py"));
    }

    #[test]
    fn batches_and_changes_have_inputs_of_their_own() {
        let queue = json!({ "queue": { "batch": { "size": 10 } } });
        let batch =
            json!({ "subscribes": ["t"], "input": { "type": "string" }, "infrastructure": queue });
        let mut manifest = manifest(vec![
            event("steps/count_step.py", batch),
            event("steps/watch_step.py", json!({ "type": "state" })),
            event("steps/follow_step.py", json!({ "type": "stream", "streamName": "sizes" })),
            event("steps/guess_step.py", json!({ "type": "stream", "streamName": "unknown" })),
        ]);
        manifest.streams = vec![stream("sizes", json!({ "type": "integer" }))];
        let text = file(&manifest, &Interface::of(&manifest));
        for line in [
            "CountInputs: TypeAlias = \"list[CountInput]\"\n",
            "    def events(self) -> list[EventInfo]: ...\n    def emit(self",
            "WatchInput: TypeAlias = \"StateChange\"\n",
            "FollowInput: TypeAlias = \"StreamChange[SizesItem]\"\n",
            "GuessInput: TypeAlias = \"StreamChange[Any]\"\n",
        ] {
            assert!(text.contains(line), "no `{line}` in {text}");
        }
    }

    #[test]
    fn a_key_that_is_no_name_is_written_as_text() {
        let mut types = Types::new(Naming::Objects);
        let schema = json!({
            "type": "object",
            "properties": { "class": { "enum": ["a", 1, true] }, "x": { "$ref": "#" } }
        });
        types.read(Some(&schema), "T");
        let (name, r#type) = &types.definitions[0];
        assert_eq!(
            define(name, r#type),
            "T = TypedDict(\"T\", {\n    \"class\": 'NotRequired[Literal[\"a\", 1, True]]',\n    \"x\": \"NotRequired[T]\",\n})\n\n"
        );
    }
}
