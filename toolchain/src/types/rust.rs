//! `motia_types.rs`: what Rust steps emit, and the items of the streams.
//!
//! What a Rust step is given and answers is not in it: there the types are in the step's own source, and its
//! schemas are made from them. A step that took its types from its schemas would take them from itself. For the
//! same reason the types here do not implement `JsonSchema`.

use std::collections::BTreeSet;

use motia_manifest::{Language, Manifest, Step};
use serde_json::Value;

use super::{
    interface::{Interface, Topic},
    prefixes,
    schema::{Field, Names, Naming, Object, Type, Types, pascal_case},
};

const HEADER: &str = "\
// Written by motia from the configs of the project's steps; `motia dev` writes it again: do not edit.
//
// In a step, with the path from its own file to this one:
//
//     #[path = \"../motia_types.rs\"]
//     mod types;

#![allow(dead_code)]
";

const DERIVE: &str = "#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]\n";

/// The longest line that rustfmt keeps.
const LINE: usize = 100;

/// Beyond this tuples do not implement what is derived.
const LONGEST_TUPLE: usize = 12;

/// Words that cannot be the name of a field, unless `r#` precedes them.
const KEYWORDS: &[&str] = &[
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "do", "dyn",
    "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let",
    "loop", "macro", "match", "mod", "move", "mut", "override", "priv", "pub", "ref", "return",
    "static", "struct", "trait", "true", "try", "type", "typeof", "unsafe", "unsized", "use",
    "virtual", "where", "yield",
];

/// The file.
pub fn file(manifest: &Manifest, interface: &Interface<'_>) -> String {
    let mut types = Types::new(Naming::Unions);
    let names = prefixes(manifest.streams.iter().map(|stream| stream.config.name.as_str()));
    for (stream, prefix) in manifest.streams.iter().zip(names) {
        types.read(stream.config.schema.as_ref(), &format!("{prefix}Item"));
    }
    let steps: Vec<&Step> =
        manifest.steps.iter().filter(|step| step.language == Language::Rust).collect();
    let mut topics = interface.emitted_by(&steps);
    // What no event suits cannot be emitted.
    topics.retain(|topic| topic.schema != Value::Bool(false));
    let names = prefixes(topics.iter().map(|topic| topic.name));
    let mut emitting = String::new();
    for (topic, prefix) in topics.into_iter().zip(names) {
        let data = types.read(Some(&topic.schema), &format!("{prefix}Data"));
        if let Type::Named(data) = data {
            emitting += &functions(topic, &prefix, &data);
        }
    }
    let recursive = types.recursive();
    let printer = Printer { recursive: &recursive };
    let definitions: String =
        types.definitions.iter().map(|(name, r#type)| printer.define(name, r#type)).collect();
    format!("{HEADER}{definitions}{emitting}")
}

/// The functions of a topic: one that emits, and one for an event that is to have options.
fn functions(topic: &Topic<'_>, prefix: &str, data: &str) -> String {
    let name = snake_case(prefix);
    let data = format!("data: &{data}");
    let (parameters, arguments, group) = match topic.ordered {
        true => (
            vec!["ctx: &motia::Context", "group: &str", data.as_str()],
            "ctx, group, data",
            ".group(group)",
        ),
        false => (vec!["ctx: &motia::Context", data.as_str()], "ctx, data", ""),
    };
    let emit = signature(&format!("emit_{name}"), &parameters, "motia::Result<String>");
    let event = signature(&format!("event_{name}"), &parameters, "motia::EventBuilder");
    let literal = Value::from(topic.name);
    let topic_name = topic.name;
    let files = topic.files.join(", ");
    format!(
        "
/// Emits `{topic_name}`, handled by {files}, and returns the event's id.
#[track_caller]
{emit} {{
    event_{name}({arguments}).emit()
}}

/// An event for `{topic_name}` that may be given options; `.emit()` sends it.
{event} {{
    ctx.event({literal}, data){group}
}}
"
    )
}

fn signature(name: &str, parameters: &[&str], output: &str) -> String {
    let line = format!("pub fn {name}({}) -> {output}", parameters.join(", "));
    // With the brace that follows.
    if line.len() + 2 <= LINE {
        return line;
    }
    format!("pub fn {name}(\n    {},\n) -> {output}", parameters.join(",\n    "))
}

struct Printer<'a> {
    /// The types that hold themselves and therefore need a pointer.
    recursive: &'a BTreeSet<&'a str>,
}

impl Printer<'_> {
    fn define(&self, name: &str, r#type: &Type) -> String {
        match r#type {
            Type::Object(object) if !object.fields.is_empty() || object.others.is_none() => {
                self.structure(name, object)
            }
            Type::Literal(Value::String(_)) => words(name, std::slice::from_ref(r#type)),
            Type::Union(parts) if parts.iter().all(is_word) => words(name, parts),
            Type::Union(parts) => self.union(name, parts),
            // An alias cannot mention itself.
            _ if self.recursive.contains(name) => alias(name, "serde_json::Value"),
            r#type => alias(name, &self.unboxed(r#type)),
        }
    }

    fn structure(&self, name: &str, object: &Object) -> String {
        if object.fields.is_empty() && object.others.is_none() {
            return format!("\n{DERIVE}pub struct {name} {{}}\n");
        }
        let mut taken = Names::default();
        let mut lines = String::new();
        for field in &object.fields {
            lines += &self.field(field, &taken.unique(&snake_case(&field.name)));
        }
        if let Some(others) = &object.others {
            let name = taken.unique("others");
            let value = self.unboxed(others);
            lines += "    #[serde(flatten)]\n";
            lines += &format!("    pub {name}: std::collections::BTreeMap<String, {value}>,\n");
        }
        format!("\n{DERIVE}pub struct {name} {{\n{lines}}}\n")
    }

    fn field(&self, field: &Field, name: &str) -> String {
        let mut lines = String::new();
        if let Some(description) = &field.description {
            let words: Vec<&str> = description.split_whitespace().collect();
            lines += &format!("    /// {}\n", words.join(" "));
        }
        if name != field.name {
            lines += &format!("    #[serde(rename = {})]\n", Value::from(field.name.as_str()));
        }
        if !field.required {
            lines += "    #[serde(default, skip_serializing_if = \"Option::is_none\")]\n";
        }
        let printed = self.print(&field.r#type);
        let printed = match (field.required, &field.r#type) {
            (true, _) | (false, Type::Nullable(_)) => printed,
            _ => format!("Option<{printed}>"),
        };
        let raw = if KEYWORDS.contains(&name) { "r#" } else { "" };
        format!("{lines}    pub {raw}{name}: {printed},\n")
    }

    /// Any one of several types, recognised by what fits first.
    fn union(&self, name: &str, parts: &[Type]) -> String {
        let mut types: Vec<String> = Vec::new();
        let mut taken = Names::default();
        let mut lines = String::new();
        for part in parts {
            let printed = self.print(part);
            if !types.contains(&printed) {
                lines += &format!("    {}({printed}),\n", taken.unique(&variant(name, part)));
                types.push(printed);
            }
        }
        match types.as_slice() {
            [one] => alias(name, one),
            _ => format!("\n{DERIVE}#[serde(untagged)]\npub enum {name} {{\n{lines}}}\n"),
        }
    }

    fn print(&self, r#type: &Type) -> String {
        match r#type {
            Type::Null => "()".to_owned(),
            Type::Boolean | Type::Literal(Value::Bool(_)) => "bool".to_owned(),
            Type::Integer => "i64".to_owned(),
            Type::Literal(Value::Number(number)) if number.is_i64() => "i64".to_owned(),
            Type::Number | Type::Literal(Value::Number(_)) => "f64".to_owned(),
            Type::String | Type::Literal(Value::String(_)) => "String".to_owned(),
            Type::Array(item) => format!("Vec<{}>", self.unboxed(item)),
            Type::Tuple(parts, None) if (1..=LONGEST_TUPLE).contains(&parts.len()) => {
                let parts: Vec<String> = parts.iter().map(|part| self.print(part)).collect();
                format!("({}{})", parts.join(", "), if parts.len() == 1 { "," } else { "" })
            }
            Type::Tuple(..) => "Vec<serde_json::Value>".to_owned(),
            Type::Object(object) => {
                let value = object.others.as_deref().map(|others| self.unboxed(others));
                let value = value.unwrap_or_else(|| "serde_json::Value".to_owned());
                format!("std::collections::BTreeMap<String, {value}>")
            }
            Type::Nullable(inner) => format!("Option<{}>", self.print(inner)),
            Type::Named(name) if self.recursive.contains(name.as_str()) => format!("Box<{name}>"),
            Type::Named(name) => name.clone(),
            Type::Any | Type::Never | Type::Literal(_) | Type::Union(_) | Type::Intersection(_) => {
                "serde_json::Value".to_owned()
            }
        }
    }

    /// The type in a collection, which is a pointer itself.
    fn unboxed(&self, r#type: &Type) -> String {
        match r#type {
            Type::Named(name) => name.clone(),
            r#type => self.print(r#type),
        }
    }
}

fn alias(name: &str, target: &str) -> String {
    format!("\npub type {name} = {target};\n")
}

fn is_word(r#type: &Type) -> bool {
    matches!(r#type, Type::Literal(Value::String(_)))
}

/// One of several words.
fn words(name: &str, words: &[Type]) -> String {
    let mut taken = Names::default();
    let mut lines = String::new();
    for word in words {
        if let Type::Literal(Value::String(word)) = word {
            let variant = taken.unique(&identifier(&pascal_case(word)));
            if variant != *word {
                lines += &format!("    #[serde(rename = {})]\n", Value::from(word.as_str()));
            }
            lines += &format!("    {variant},\n");
        }
    }
    let derive = DERIVE.replace("Clone,", "Clone, Copy,").replace("PartialEq,", "PartialEq, Eq,");
    format!("\n{derive}pub enum {name} {{\n{lines}}}\n")
}

/// The name of a union's variant: that of its type, without the union's own before it.
fn variant(union: &str, part: &Type) -> String {
    match part {
        Type::Boolean | Type::Literal(Value::Bool(_)) => "Boolean".to_owned(),
        Type::Integer => "Integer".to_owned(),
        Type::Number | Type::Literal(Value::Number(_)) => "Number".to_owned(),
        Type::String | Type::Literal(Value::String(_)) => "Text".to_owned(),
        Type::Array(_) | Type::Tuple(..) => "List".to_owned(),
        Type::Object(_) => "Map".to_owned(),
        Type::Named(name) => {
            let short = name.strip_prefix(union).filter(|short| !short.is_empty());
            identifier(short.unwrap_or(name))
        }
        _ => "Other".to_owned(),
    }
}

/// The text as the name of a variant, which must begin with a letter and not be `Self`.
fn identifier(text: &str) -> String {
    match text {
        "" => "Empty".to_owned(),
        "Self" => "Self_".to_owned(),
        text if text.starts_with(|c: char| c.is_ascii_digit()) => format!("Variant{text}"),
        text => text.to_owned(),
    }
}

/// `createdAt` and `X-Id` as the name of a field or function: `created_at`, `x_id`.
fn snake_case(text: &str) -> String {
    let mut name = String::new();
    let mut after_lower = false;
    for c in text.chars() {
        if !c.is_alphabetic() && !c.is_ascii_digit() {
            if !name.is_empty() && !name.ends_with('_') {
                name.push('_');
            }
            after_lower = false;
            continue;
        }
        if c.is_uppercase() && after_lower {
            name.push('_');
        }
        name.extend(c.to_lowercase());
        after_lower = !c.is_uppercase();
    }
    match name.trim_end_matches('_') {
        "" => "field".to_owned(),
        name @ ("self" | "super" | "crate") => format!("{name}_"),
        name if name.starts_with(|c: char| c.is_ascii_digit()) => format!("field_{name}"),
        name => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::types::samples::shop;

    #[test]
    fn the_file_has_items_data_and_a_function_for_each_topic() {
        let manifest = shop();
        let file = file(&manifest, &Interface::of(&manifest));
        assert_eq!(file, include_str!("golden/motia_types.rs"));
    }

    #[test]
    fn what_holds_itself_has_a_pointer() {
        let mut types = Types::new(Naming::Unions);
        let schema = json!({
            "type": "object",
            "properties": {
                "next": { "$ref": "#" },
                "type": { "type": "array", "items": { "$ref": "#" } }
            },
            "required": ["next", "type"]
        });
        types.read(Some(&schema), "Node");
        let (name, r#type) = &types.definitions[0];
        let defined = Printer { recursive: &types.recursive() }.define(name, r#type);
        assert!(defined.contains("pub next: Box<Node>,\n"), "{defined}");
        assert!(defined.contains("pub r#type: Vec<Node>,\n"), "{defined}");
    }

    #[test]
    fn names_are_what_rust_calls_for() {
        assert_eq!(snake_case("createdAt"), "created_at");
        assert_eq!(snake_case("X-Request ID"), "x_request_id");
        assert_eq!(snake_case("self"), "self_");
        assert_eq!(snake_case("2nd"), "field_2nd");
    }
}
